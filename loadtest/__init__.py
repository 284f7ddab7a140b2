"""The lab: Locust floods the shop, and a verdict says whether `priority` stayed fast."""
