"""Invoices as PDF files, drawn in memory on a reportlab canvas."""

from shop.adapters.pdf.renderer import PdfInvoiceRenderer

__all__ = ["PdfInvoiceRenderer"]
