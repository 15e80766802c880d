"""Small files for the report alone: what data, encoders and networks look like from close by.

Everything here is written beside the records while images and models are at hand, so that a report
can be written long after both are gone. Nothing of it decides anything: no setting, no arm and no
word of the verdict rests on it, and its seconds are in no arm's cost.
"""
