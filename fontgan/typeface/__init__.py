"""From images of letters to outlines, set text and font files."""
