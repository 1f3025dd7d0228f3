"""Sound: from one-second chunks of recorded instruments to VAEs and VQ-VAEs, and back to WAV."""
