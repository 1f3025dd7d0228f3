"""Letters: from real typefaces to GANs that draw the whole alphabet, and the measures that show whether they do."""
