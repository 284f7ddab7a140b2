"""The data folder, its lock, and the ports."""

import os
import socket
import stat
from pathlib import Path

import pytest

from shop.local.site import CannotStart, DataDir, Port, require_free
from testing.servers import HOST, free_port


def port(number: int, option: str = "--api-port", host: str = HOST) -> Port:
    return Port("API", host, number, option)


def test_free_ports_are_no_problem() -> None:
    require_free([port(free_port())])


def test_each_taken_port_is_a_line_with_the_option_that_changes_it() -> None:
    with socket.create_server((HOST, 0)) as one, socket.create_server((HOST, 0)) as other:
        taken = [one.getsockname()[1], other.getsockname()[1]]
        with pytest.raises(CannotStart) as caught:
            require_free(
                [port(taken[0]), port(free_port()), Port("Redis", HOST, taken[1], "--redis-port")]
            )
    assert caught.value.problems == (
        f"port {taken[0]} (API) is taken; choose another with --api-port",
        f"port {taken[1]} (Redis) is taken; choose another with --redis-port",
    )


def test_a_port_taken_on_all_addresses_is_taken_on_one() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server, pytest.raises(CannotStart):
        require_free([port(server.getsockname()[1])])


def test_connections_that_linger_do_not_take_a_port() -> None:
    with socket.create_server((HOST, 0)) as server:
        number = server.getsockname()[1]
        client = socket.create_connection((HOST, number))
        accepted, _ = server.accept()
        # Who closes first keeps the connection for a minute, in TIME_WAIT.
        accepted.close()
        client.close()
    require_free([port(number)])


def test_two_services_cannot_have_one_port() -> None:
    number = free_port()
    with pytest.raises(CannotStart, match=rf"port {number} .* is API's already; .*--redis-port"):
        require_free([port(number), Port("Redis", HOST, number, "--redis-port")])


def test_an_address_of_another_machine_cannot_be_used() -> None:
    # Set aside for documentation: nobody has it.
    with pytest.raises(CannotStart, match="cannot be used"):
        require_free([port(free_port(), host="192.0.2.1")])


def test_a_data_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "deep" / "data")
    with data_dir.claimed():
        for folder in (data_dir.path, data_dir.valkey, data_dir.run):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_data_folder_in_use_is_refused_and_names_its_user(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "data")
    with data_dir.claimed():
        with pytest.raises(CannotStart) as caught, data_dir.claimed():
            pass
        (problem,) = caught.value.problems
        assert str(data_dir.path) in problem
        assert str(os.getpid()) in problem
        assert "--data-dir" in problem
    with data_dir.claimed():
        pass


def test_the_signs_of_life_of_an_earlier_run_are_gone(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "data")
    with data_dir.claimed():
        (data_dir.run / "beat.alive").touch()
        data_dir.beat_schedule.touch()
    with data_dir.claimed():
        assert list(data_dir.run.iterdir()) == []
        assert data_dir.beat_schedule.exists()


def test_a_folder_that_cannot_be_made_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(CannotStart, match=r"cannot use .*: Not a directory; .*--data-dir"),
        DataDir(tmp_path / "file" / "data").claimed(),
    ):
        pass


def test_the_made_up_password_stays_with_its_folder(tmp_path: Path) -> None:
    one, other = DataDir(tmp_path / "one"), DataDir(tmp_path / "other")
    for data_dir in (one, other):
        data_dir.path.mkdir()
    password = one.flower_password()
    assert len(password) >= 16
    assert one.flower_password() == password
    assert other.flower_password() != password
    assert stat.S_IMODE((one.path / "flower-password").stat().st_mode) == 0o600
