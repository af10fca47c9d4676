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


def judge(original, window, heard):
    """The score of one window of the original, and how much later it was heard, ms."""
    (pcm, start), (begin, end) = heard, window
    first = int((original[1] - start) * RATE) + begin
    last = first + end - begin + LONGEST_DELAY_S * RATE
    if first < 0 or last > len(pcm):
        return None
    said = original[0][begin:end]
    late = place(said, pcm[first:last])
    sound = pcm[first + late :][: end - begin]
    return pesq.pesq(RATE, said.astype("i2"), sound.astype("i2"), "nb"), late * 1000 / RATE


request = json.load(sys.stdin)
original = sound(request["said"])
heard = {name: sound(it) for name, it in request["heard"].items()}
judged = {name: {"scores": [], "delays": []} for name in heard}
length = WINDOW_S * RATE
for begin in range(0, len(original[0]) - length, length):
    results = {name: judge(original, (begin, begin + length), it) for name, it in heard.items()}
    # What only some have heard compares nothing.
    if None in results.values():
        continue
    for name, (score, delay) in results.items():
        judged[name]["scores"].append(score)
        judged[name]["delays"].append(delay)
print(json.dumps(judged))
