"""What can compute an encoder's model: one file for each runtime, all behind `base.Encoder`."""
