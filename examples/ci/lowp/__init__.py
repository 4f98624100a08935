"""A scaled FP8 product, an attention block and an optimiser step, as a team might ship them for narrow hardware."""
