"""Scores what was heard of speech: see speech.mjs, which calls this."""

import json
import sys

import numpy
import pesq

RATE = 16_000
WINDOW_S = 8
LONGEST_DELAY_S = 1


def sound(recording):
    """The samples, at RATE, and when the first one was, in seconds."""
    pcm = numpy.fromfile(recording["file"], dtype="<i2").astype(float)
    length = round(len(pcm) * RATE / recording["rate"])
    spectrum = numpy.fft.rfft(pcm)[: length // 2 + 1]
    pcm = numpy.fft.irfft(spectrum, length) * length / len(pcm)
    return pcm, recording["start"] / 1000


def place(original, heard):
    """Where in what was heard the original is most alike."""
    size = 1 << (len(original) + len(heard)).bit_length()
    spectrum = numpy.fft.rfft(heard, size) * numpy.conj(numpy.fft.rfft(original, size))
    return int(numpy.argmax(numpy.fft.irfft(spectrum, size)[: len(heard) - len(original)]))


def judge(said, heard):
    original, began = said
    pcm, start = heard
    length = WINDOW_S * RATE
    scores, delays = [], []
    for at in range(0, len(original) - length, length):
        window = original[at : at + length]
        first = int((began - start) * RATE) + at
        last = first + length + LONGEST_DELAY_S * RATE
        if first < 0 or last > len(pcm):
            continue
        late = place(window, pcm[first:last])
        delays.append(late * 1000 / RATE)
        scores.append(pesq.pesq(RATE, window.astype("i2"), pcm[first + late :][:length].astype("i2"), "nb"))
    return {"scores": scores, "delays": delays}


request = json.load(sys.stdin)
original = sound(request["said"])
print(json.dumps({name: judge(original, sound(it)) for name, it in request["heard"].items()}))
