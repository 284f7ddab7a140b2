"""What people really write, small and honest: what the shop is measured against."""
