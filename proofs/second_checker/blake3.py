"""BLAKE3 of bytes, as its paper defines it: the digest of a Program is that of its text."""

import struct

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
START, END, PARENT, ROOT = 1, 2, 4, 8
# A row of the state is one number: four words of 32 bits, each at the foot of a lane of 64, so that one addition is four.
LANES = 0xFFFFFFFF | 0xFFFFFFFF << 64 | 0xFFFFFFFF << 128 | 0xFFFFFFFF << 192
ROW = (1 << 256) - 1


def rounds():
    """For each of the seven rounds, the words of the block that its columns and its diagonals take, first and second."""
    order = list(range(16))
    for _ in range(7):
        yield [order[begin : begin + 8][half::2] for begin in (0, 8) for half in (0, 1)]
        order = [order[i] for i in PERMUTATION]


SCHEDULE = [quarter for of_round in rounds() for quarter in of_round]


def row(words):
    return words[0] | words[1] << 64 | words[2] << 128 | words[3] << 192


def compress(chain, block, counter, length, flags):
    a, b, c, d = row(chain), row(chain[4:]), row(IV), row([counter & 0xFFFFFFFF, counter >> 32, length, flags])
    for turn, (i, j, k, l) in enumerate(SCHEDULE):
        first = turn % 2 == 0
        a = a + b + (block[i] | block[j] << 64 | block[k] << 128 | block[l] << 192) & LANES
        d ^= a
        d = (d >> 16 | d << 16) & LANES if first else (d >> 8 | d << 24) & LANES
        c = c + d & LANES
        b ^= c
        b = (b >> 12 | b << 20) & LANES if first else (b >> 7 | b << 25) & LANES
        if turn % 4 == 1:  # diagonals become columns
            b, c, d = (b >> 64 | b << 192) & ROW, (c >> 128 | c << 128) & ROW, (d >> 192 | d << 64) & ROW
        elif turn % 4 == 3:  # and back
            b, c, d = (b >> 192 | b << 64) & ROW, (c >> 128 | c << 128) & ROW, (d >> 64 | d << 192) & ROW
    a, b = a ^ c, b ^ d
    return [x >> lane & 0xFFFFFFFF for x in (a, b) for lane in (0, 64, 128, 192)]


def blake3(data):
    """The hash of some bytes, in hexadecimal."""

    def subtree(first, chunks, root):
        if chunks == 1:
            chunk, chain = data[1024 * first : 1024 * (first + 1)], IV
            blocks = max(1, -(-len(chunk) // 64))
            for i in range(blocks):
                block = chunk[64 * i : 64 * (i + 1)]
                flags = (START if i == 0 else 0) | ((END | root) if i == blocks - 1 else 0)
                chain = compress(chain, struct.unpack("<16I", block.ljust(64, b"\0")), first, len(block), flags)
            return chain
        left = 1 << (chunks - 1).bit_length() - 1
        words = subtree(first, left, 0) + subtree(first + left, chunks - left, 0)
        return compress(IV, words, 0, 64, PARENT | root)

    words = subtree(0, max(1, -(-len(data) // 1024)), ROOT)
    return struct.pack("<8I", *words).hex()
