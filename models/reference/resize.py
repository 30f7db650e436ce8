#!/usr/bin/env python3
"""Prints what Pillow's bilinear resize, which Hugging Face's image processors use, makes of a made-up picture, as JSON.

    resize.py > resize.json

Needs pillow. The picture has 30 columns and 20 rows; red, green and blue of column x and row y are (13 x + 7 y) mod 256,
(x x + 3 y) mod 256 and (9 x + 5 y) mod 256. It is brought to 12 x 12; numbers are by row, column, channel.
"""

import json

import PIL
from PIL import Image

picture = Image.new("RGB", (30, 20))
for x in range(30):
    for y in range(20):
        picture.putpixel((x, y), ((13 * x + 7 * y) % 256, (x * x + 3 * y) % 256, (9 * x + 5 * y) % 256))
resized = picture.resize((12, 12), resample=Image.Resampling.BILINEAR)
print(json.dumps({"versions": {"pillow": PIL.__version__}, "pixels": list(resized.tobytes())}))
