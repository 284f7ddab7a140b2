"""What a run leaves behind: its folder, manifest and histograms."""
