"""Whether invoices can say what the settings have them say of the seller."""

import unicodedata

from shop.adapters.pdf.fonts import REPLACEMENT, load_fonts
from shop.adapters.pdf.text import drawable
from shop.settings import Settings

#: Letters named in one line.
_NAMED = 5


def unprintable(settings: Settings) -> list[str]:
    """A line for each setting with letters that no font of the invoices has.

    In a customer's name such letters are replaced: that is no reason to leave an invoice undone.
    """
    texts = {
        "SELLER_NAME": settings.seller_name,
        "SELLER_ADDRESS": "".join(settings.seller_address),
        "TAX_NUMBER": settings.tax_number or "",
    }
    return [
        f"{name}: no font of the invoices has {', '.join(letters)}; write it in others"
        for name, text in texts.items()
        if (letters := _letters_without_font(text))
    ]


def _letters_without_font(text: str) -> list[str]:
    if text.isascii():
        return []  # the fonts need not be loaded to tell
    fonts = load_fonts()
    missing = [
        char
        for char in dict.fromkeys(unicodedata.normalize("NFC", text))
        if char != REPLACEMENT and REPLACEMENT in drawable(char, fonts)
    ]
    named = [f"{char} ({_name(char)})" for char in missing[:_NAMED]]
    return named + ["..."] * (len(missing) > _NAMED)


def _name(char: str) -> str:
    return unicodedata.name(char, f"U+{ord(char):04X}")
