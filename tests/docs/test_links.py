"""Every link inside the repository leads somewhere."""

from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from tests.docs.markdown import REPOSITORY, read

DOCUMENTS = sorted(
    str(path.relative_to(REPOSITORY))
    for path in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"))
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_and_heading_that_is_linked_to_is_there(document: str) -> None:
    missing = []
    for target in read(document).targets:
        parts = urlsplit(target)
        if parts.scheme:
            continue
        path = (REPOSITORY / document).parent / unquote(parts.path) if parts.path else None
        linked = document if path is None else str(path.resolve().relative_to(REPOSITORY))
        if path is not None and not path.exists():
            missing.append(target)
        elif parts.fragment:
            anchors = {heading.anchor for heading in read(linked).headings}
            missing += [target] if unquote(parts.fragment) not in anchors else []

    assert missing == []


def test_every_picture_is_one() -> None:
    pictures = sorted(REPOSITORY.glob("docs/**/*.svg"))

    assert pictures
    for picture in pictures:
        root = ElementTree.parse(picture).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert {"viewBox", "width", "height"} <= set(root.attrib)
