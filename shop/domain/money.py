"""Amounts in minor units, and how people write them."""

from decimal import Decimal, InvalidOperation

from shop.domain.errors import InvalidAmount

#: Currencies of ISO 4217 whose minor unit is not a hundredth, with its number of digits.
_MINOR_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def minor_digits(currency: str) -> int:
    """Digits after the decimal point in `currency` (ISO 4217, upper case)."""
    return _MINOR_DIGITS.get(currency, 2)


def format_amount(minor: int, currency: str) -> str:
    """`1990, "EUR"` becomes `19.90 EUR`; thousands are set apart by a no-break space."""
    digits = minor_digits(currency)
    amount = Decimal(minor).scaleb(-digits)
    return f"{amount:,.{digits}f} {currency}".replace(",", "\N{NO-BREAK SPACE}")


def parse_amount(text: str, currency: str) -> int:
    """`"19.90", "EUR"` becomes 1990.

    Raises `InvalidAmount` for what is not a finite amount, is negative, or is finer than
    the currency's minor unit.
    """
    try:
        minor = Decimal(text).scaleb(minor_digits(currency))
    except InvalidOperation:
        raise InvalidAmount(text, currency) from None
    if not minor.is_finite() or minor < 0 or minor != minor.to_integral_value():
        raise InvalidAmount(text, currency)
    return int(minor)
