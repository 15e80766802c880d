"""What the figures of several sections share: colours, axes, the lines of arms, rows of images."""
