"""The same invoice is the same file, wherever and whenever it is made."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from reportlab.pdfbase.ttfonts import TTFontFile

from shop.adapters.pdf import PdfInvoiceRenderer
from shop.domain.invoice import Invoice
from tests.unit.adapters.pdf.invoices import INVOICE, SCRIPTS, forget_packed, run_python, with_text


class TestSameBytes:
    INVOICES = (INVOICE, with_text("Щука & <שלום> القاهرة (HP) 李"))

    @pytest.mark.parametrize("invoice", INVOICES)
    def test_when_made_again(self, invoice: Invoice) -> None:
        first = PdfInvoiceRenderer().render(invoice)
        PdfInvoiceRenderer().render(with_text("something else: Ωμέγα"))
        assert PdfInvoiceRenderer().render(invoice) == first

    def test_in_another_process(self) -> None:
        code = (
            "import hashlib\n"
            "from tests.unit.adapters.pdf.test_same_bytes import TestSameBytes as T\n"
            "from shop.adapters.pdf import PdfInvoiceRenderer\n"
            "for i in T.INVOICES: print(hashlib.sha256(PdfInvoiceRenderer().render(i)).hexdigest())"
        )
        seeds = {
            run_python(code, PYTHONHASHSEED="1", TZ="UTC"),
            run_python(code, PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C"),
        }
        assert len(seeds) == 1
        assert len(set(seeds.pop().split())) == len(self.INVOICES)

    def test_on_many_threads_at_once(self) -> None:
        invoices = [with_text(pair[0]) for pair in SCRIPTS.values()]
        expected = [PdfInvoiceRenderer().render(invoice) for invoice in invoices]
        renderer = PdfInvoiceRenderer()
        together = threading.Barrier(4)

        def render_all(_thread: int) -> list[bytes]:
            together.wait(timeout=10)
            return [renderer.render(invoice) for _ in range(3) for invoice in invoices]

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(render_all, range(4))) == [expected * 3] * 4

    def test_when_another_is_made_in_the_midst(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Threads meet at the worst moment too seldom for a test, so it is brought about:
        # whenever reportlab has set its cursor in a font, another invoice comes between.
        accented, plain = with_text("éàüñçőž"), with_text("abc")
        expected = PdfInvoiceRenderer().render(accented)
        read_short = TTFontFile.read_short
        forget_packed()
        interruptions = 0

        def interrupted(face: TTFontFile) -> int:
            nonlocal interruptions
            forget_packed()
            with monkeypatch.context() as undisturbed:
                undisturbed.setattr(TTFontFile, "read_short", read_short)
                PdfInvoiceRenderer().render(plain)
            interruptions += 1
            value: int = read_short(face)
            return value

        monkeypatch.setattr(TTFontFile, "read_short", interrupted)
        assert PdfInvoiceRenderer().render(accented) == expected
        assert interruptions > len("éàüñçőž")

    def test_when_first_used_by_many_threads(self) -> None:
        code = (
            "import threading\n"
            "from tests.unit.adapters.pdf.test_same_bytes import TestSameBytes as T\n"
            "from shop.adapters.pdf import PdfInvoiceRenderer, fonts\n"
            "loaded, load = [], fonts._typeface\n"
            "def count(name, *args):\n"
            "    loaded.append(name); return load(name, *args)\n"
            "fonts._typeface = count\n"
            "made, gate = [], threading.Barrier(4)\n"
            "def work():\n"
            "    gate.wait(10); made.append(PdfInvoiceRenderer().render(T.INVOICES[1]))\n"
            "threads = [threading.Thread(target=work) for _ in range(4)]\n"
            "[t.start() for t in threads]; [t.join(50) for t in threads]\n"
            "print(len(made), len(set(made)), *sorted(loaded))"
        )
        assert run_python(code) == "4 1 invoice-bold invoice-regular"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    def test_in_a_child_forked_while_another_thread_loads_the_fonts(self) -> None:
        code = (
            "import hashlib, os\n"
            "from tests.unit.adapters.pdf.invoices import INVOICE\n"
            "from shop.adapters.pdf import PdfInvoiceRenderer, fonts\n"
            "def show():\n"
            "    pdf = PdfInvoiceRenderer().render(INVOICE)\n"
            "    print(hashlib.sha256(pdf).hexdigest(), flush=True)\n"
            "fonts._loading.acquire()\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    show(); os._exit(0)\n"
            "assert os.waitpid(child, 0)[1] == 0\n"
            "fonts._loading.release(); show()"
        )
        in_child, in_parent = run_python(code).split()
        assert in_child == in_parent


def test_importing_the_adapter_opens_no_font() -> None:
    code = (
        "import sys, shop.adapters.pdf\n"
        "from reportlab.pdfbase import pdfmetrics\n"
        "print([m for m in sys.modules if m.startswith(('pymupdf_fonts.', 'manimgx_fonts'))],"
        " [n for n in pdfmetrics.getRegisteredFontNames() if n.startswith('invoice')])"
    )
    assert run_python(code) == "[] []"
