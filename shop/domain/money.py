"""Amounts in minor units, and how people write them."""

from decimal import Decimal

from shop.domain.errors import InvalidAmount

#: The largest price: with 10 000 items of it, Redis' scripts still count exactly.
MAX_MINOR = 10**11

#: Currencies of ISO 4217 whose minor unit is not a hundredth, with its number of digits.
_MINOR_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def format_quantity(qty: int) -> str:
    """`1200` becomes `1 200`, with a no-break space."""
    return f"{qty:,}".replace(",", "\N{NO-BREAK SPACE}")


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

    Raises `InvalidAmount` for what is no amount, is negative, finer than the currency's minor
    unit, or beyond `MAX_MINOR`.
    """
    try:
        minor = Decimal(text).scaleb(minor_digits(currency))
    except ArithmeticError:
        raise InvalidAmount(text, currency) from None
    if not minor.is_finite() or not 0 <= minor <= MAX_MINOR or minor != minor.to_integral_value():
        raise InvalidAmount(text, currency)
    return int(minor)
