"""llama.cpp as a peer, through the low-level calls of llama-cpp-python.

    peer_llama.py MODEL.gguf THREADS

No token's output is asked for: neither logits nor embeddings. That is less than is asked of us, for asking for
embeddings makes llama.cpp compute the output layer for every token too. Tuned are the ubatch, the number of
documents in a batch, and whether those share one key-value buffer.
"""

import collections
import sys

import llama_cpp as llama

import peer_protocol

UBATCHES = 128, 512, 2048
SEQUENCES = 1, 4, 16, 64


class Setting(collections.namedtuple("Setting", "ubatch sequences unified")):
    def __str__(self):
        together = f", {self.sequences} documents a batch" if self.sequences > 1 else ""
        return f"ubatch {self.ubatch}{together}{', one buffer' if self.unified and together else ''}"


class Context:
    """A llama.cpp context made for one setting and documents of at most `longest` tokens."""

    def __init__(self, model, setting, longest, threads):
        self.setting, self.longest = setting, longest
        room = (longest + 255) // 256 * 256
        params = llama.llama_context_default_params()
        params.n_seq_max = setting.sequences
        params.n_ctx = room * setting.sequences
        params.n_ubatch = setting.ubatch
        params.n_batch = max(longest * setting.sequences, setting.ubatch)
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = setting.unified
        params.no_perf = True
        self.context = llama.llama_init_from_model(model, params)
        if not self.context:
            sys.exit(f"peer_llama: no context for {setting}")
        self.memory = llama.llama_get_memory(self.context)
        self.batch = llama.llama_batch_init(params.n_batch, 0, 1)

    def close(self):
        llama.llama_batch_free(self.batch)
        llama.llama_free(self.context)

    def run(self, documents):
        documents = sorted(documents, key=len)
        for first in range(0, len(documents), self.setting.sequences):
            self.decode(documents[first : first + self.setting.sequences])

    def decode(self, documents):
        batch, count = self.batch, 0
        for sequence, ids in enumerate(documents):
            for position, token in enumerate(ids):
                batch.token[count] = token
                batch.pos[count] = position
                batch.n_seq_id[count] = 1
                batch.seq_id[count][0] = sequence
                batch.logits[count] = 0
                count += 1
        batch.n_tokens = count
        llama.llama_memory_clear(self.memory, False)
        status = llama.llama_decode(self.context, batch)
        if status != 0:
            sys.exit(f"peer_llama: llama_decode: status {status}")
        llama.llama_synchronize(self.context)


def main():
    path, threads = sys.argv[1], int(sys.argv[2])
    llama.llama_log_set(silent, None)
    llama.llama_backend_init()
    params = llama.llama_model_default_params()
    params.n_gpu_layers = 0
    model = llama.llama_model_load_from_file(path.encode(), params)
    if not model:
        sys.exit(f"peer_llama: can't load {path}")

    contexts = {}

    def context(setting, documents):
        longest = max(map(len, documents))
        found = contexts.get(setting)
        if found and found.longest >= longest:
            return found
        if found:
            found.close()
        contexts[setting] = Context(model, setting, longest, threads)
        return contexts[setting]

    def settings(documents):
        """One document at a time with every ubatch, then more at a time, up to what fills a ubatch twice: with a
        buffer each where lengths are equal, else with one for all, which has always been the faster."""
        mean = sum(map(len, documents)) // len(documents)
        count = max(1, 1024 // mean)
        yield [(Setting(ubatch, 1, True), count) for ubatch in UBATCHES if ubatch < 2 * mean or ubatch == 128]
        unified = len(set(map(len, documents))) > 1
        for ubatch in UBATCHES[1:]:
            possible = [n for n in SEQUENCES[1:] if n <= len(documents) and n * mean <= 2 * ubatch]
            yield [(Setting(ubatch, n, unified), max(count, n)) for n in possible]

    def run(documents, setting):
        context(setting, documents).run(documents)

    name = "llama.cpp " + path.rsplit("-", 1)[-1].removesuffix(".gguf").upper()
    peer_protocol.serve(name, f"llama-cpp-python {llama.__version__}", settings, run)


@llama.llama_log_callback
def silent(level, text, data):
    pass


if __name__ == "__main__":
    main()
