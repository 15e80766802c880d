"""Small files for the report alone: what data, encoders and networks look like from close by.

Everything here is written beside the records while images and models are at hand, so that a report
can be written long after both are gone. Nothing of it decides anything: no setting, no arm and no
word of the verdict rests on it, and its seconds are in no arm's cost.

```
readings/data.json, .npz        counts by class, what the check found; example images
readings/images.npz             small test images: rows, labels, thumbnails
readings/map-INIT.json, .npz    where an init's encoder of the first replicate puts them
readings/CELL.json, .npz        a network under corruptions; its surest mistakes, with Grad-CAM
```

A reading that fails says so in its JSON file (`reason`), and the study goes on.
"""
