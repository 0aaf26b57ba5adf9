#!/usr/bin/env python3
"""Makes the packed pictures of this folder with outside encoders (imagecodecs: OpenJPEG, libjxl, jpegls, libjpeg):

    pip install imagecodecs numpy && python make.py

Each is 24 columns x 16 rows; the pixel (column, row) holds 150 * column + 11 * row (lossless, at most 12 bits), and half
of a sixteenth of that in the JPEG baseline picture (8 bits).
"""

import pathlib

import imagecodecs
import numpy as np

row, col = np.mgrid[:16, :24]
grey = (150 * col + 11 * row).astype(np.uint16)
here = pathlib.Path(__file__).parent


def save(name, data):
    (here / name).write_bytes(bytes(data))


save("lossless12.j2k", imagecodecs.jpeg2k_encode(grey, codecformat="j2k", bitspersample=12, reversible=True, level=0))
save("lossless16.jxl", imagecodecs.jpegxl_encode(grey, lossless=True, usecontainer=False))
save("lossless12.jxl", imagecodecs.jpegxl_encode(grey, lossless=True, bitspersample=12, usecontainer=False))
save("lossless12.jpg", imagecodecs.ljpeg_encode(grey, bitspersample=12))
save("baseline8.jpg", imagecodecs.jpeg8_encode((grey / 32).astype(np.uint8), level=98, colorspace="gray", outcolorspace="gray"))
