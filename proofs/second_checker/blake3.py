"""BLAKE3 of bytes, as its paper defines it: the digest of a Program is that of its text."""

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
QUARTERS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)]
QUARTERS += [(0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
START, END, PARENT, ROOT = 1, 2, 4, 8


def compress(chain, block, counter, length, flags):
    s, m, full = chain + IV[:4] + [counter & 0xFFFFFFFF, counter >> 32, length, flags], block, 0xFFFFFFFF
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(QUARTERS):
            va, vb, vc, vd = s[a], s[b], s[c], s[d]
            for word, by_d, by_b in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                va = va + vb + word & full
                vd ^= va
                vd = (vd >> by_d | vd << 32 - by_d) & full
                vc = vc + vd & full
                vb ^= vc
                vb = (vb >> by_b | vb << 32 - by_b) & full
            s[a], s[b], s[c], s[d] = va, vb, vc, vd
        m = [m[i] for i in ORDER]
    return [s[i] ^ s[i + 8] for i in range(8)]


def blake3(data):
    """The hash of some bytes, in hexadecimal."""

    def subtree(first, chunks, root):
        if chunks == 1:
            chunk, chain = data[1024 * first : 1024 * (first + 1)], IV
            blocks = max(1, -(-len(chunk) // 64))
            for i in range(blocks):
                block = chunk[64 * i : 64 * (i + 1)]
                words = [int.from_bytes(block.ljust(64, b"\0")[4 * j : 4 * j + 4], "little") for j in range(16)]
                flags = (START if i == 0 else 0) | ((END | root) if i == blocks - 1 else 0)
                chain = compress(chain, words, first, len(block), flags)
            return chain
        left = 1 << (chunks - 1).bit_length() - 1
        words = subtree(first, left, 0) + subtree(first + left, chunks - left, 0)
        return compress(IV, words, 0, 64, PARENT | root)

    words = subtree(0, max(1, -(-len(data) // 1024)), ROOT)
    return b"".join(word.to_bytes(4, "little") for word in words).hex()
