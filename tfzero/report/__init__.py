"""Report: one self-contained page and its figures, drawn from a run folder's files alone.

Nothing here imports TensorFlow, and matplotlib is imported when a figure is drawn. Each figure of
the page is a function that returns a matplotlib figure, for notebooks; `tfzero.report.figures`
documents them. The stub beside this file lists the names of this package.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
