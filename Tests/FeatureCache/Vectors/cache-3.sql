-- The feature cache of Denju, schema version 3 (or 4, which has the same tables: see below). The program creates a cache by running this very text.
--
-- One SQLite file holds what a frozen model (the knowledge source) computed over a corpus: its hidden states,
-- compressed, with everything needed to use them again and nothing from outside the file. Needs SQLite 3.37 or newer.
--
--   sqlite3 cache.sqlite 'select * from cache_summary'
--
-- All hashes are SHA-256 (32 bytes as BLOB, 64 lower-case hex digits as TEXT). Variable-length parts are hashed behind
-- their length as 8 little-endian bytes. Times are Unix seconds. Token ids are 2 little-endian bytes each where every id
-- of the value is under 65,536, else 4 (and 4 wherever a version before 3 wrote them): which, its length says beside the
-- count of tokens in its row. They are hashed as 4 bytes each in either case.
--
-- What a value depends on, `streams.kind` says, and the keys of its records follow:
--
--   'states'            the tokens up to its own, as a decoder's. key = hash(stream's key, parent's key or nothing, the
--                       record's ids), so that texts which begin alike share the records of what they share.
--   'document states'   all tokens of its text, as an encoder's. The first record's key = hash(stream's key, all ids of
--                       the text), the others' as above: each includes every id, and no text finds another's records.
--
-- A file with a stream of the second kind has user_version 4 from the transaction that adds it to the one that purges
-- the last of them, so that a program which would take its states for causal ones refuses it. All others stay at 3.

PRAGMA application_id = 1148086901;  -- 'Dnju'
PRAGMA user_version = 3;

-- A knowledge source: one frozen model with its tokenizer.
CREATE TABLE sources (
  id               INTEGER PRIMARY KEY,
  name             TEXT NOT NULL,           -- what people call it
  weights_sha256   TEXT NOT NULL,           -- over the tensors sorted by name, whatever their files
  architecture     TEXT NOT NULL CHECK (json_valid(architecture)),  -- its configuration, keys sorted
  tokenizer        BLOB NOT NULL,           -- the whole tokenizer, serialized: one zstd frame, of at most 256 MB
  tokenizer_sha256 TEXT NOT NULL,           -- of what is in the frame
  chat_template    TEXT,                    -- name of the template prompts were written with; NULL: none
  path             TEXT NOT NULL,           -- where it was when the cache was made: a hint, never needed
  created          INTEGER NOT NULL,
  checksum         BLOB NOT NULL,           -- over every column but id, path and created; the tokenizer without the frame
  UNIQUE (weights_sha256, architecture, tokenizer_sha256)
) STRICT;

-- A stream: one series of values a token. Everything that changes a value is here or in its source.
CREATE TABLE streams (
  id           INTEGER PRIMARY KEY,
  key          BLOB NOT NULL UNIQUE,        -- hash of the identity: the source's columns and these
  source       INTEGER NOT NULL REFERENCES sources(id),
  kind         TEXT NOT NULL,               -- 'states': hidden states
  layer        INTEGER NOT NULL,            -- 0 is the embedding, N the last
  normalized   INTEGER NOT NULL,            -- 1: after the final norm (only the last layer has one)
  precision    TEXT NOT NULL,               -- arithmetic they were computed in
  codec        TEXT NOT NULL,               -- how a record's payload is coded: a codec's name, or an identity in codecs
  numerics     TEXT NOT NULL,               -- version of the kernels' arithmetic
  width        INTEGER NOT NULL,            -- values a token
  chunk_tokens INTEGER NOT NULL,            -- tokens a record; the last record of a text has fewer
  created      INTEGER NOT NULL
) STRICT;

-- What a codec was fitted to, for those that are: a row for each that a stream names.
CREATE TABLE codecs (
  id              INTEGER PRIMARY KEY,
  identity        TEXT NOT NULL UNIQUE,     -- as streams.codec: 'transform:0.005:' and 16 digits of the fit's SHA-256;
                                            -- where the cache is encrypted, a secret is part of the fit
  allowance       REAL NOT NULL,            -- nats a token, as asked for: neither bound nor divergence is more
  fitted_tokens   INTEGER NOT NULL,         -- of the sample that it was fitted on
  held_out_tokens INTEGER NOT NULL,         -- of other texts, that its loss was measured on
  added           REAL NOT NULL,            -- nats a token that it adds there
  bound           REAL NOT NULL,            -- upper end of that mean's 95% interval, paired
  divergence      REAL NOT NULL,            -- nats a token that its next tokens' distributions diverge, KL(source, decoded)
  fit             BLOB NOT NULL,            -- the fit in one zstd frame; it holds statistics and frequent states of the
                                            -- sample, and stays until its stream is purged
  created         INTEGER NOT NULL,
  checksum        BLOB NOT NULL             -- over identity and fit, which the other columns are checked against
) STRICT;

-- A run of the program that wrote here.
CREATE TABLE runs (
  id        INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,           -- random, the same wherever the run is merged to
  kind      TEXT NOT NULL,                  -- 'precompute' or 'import'
  status    TEXT NOT NULL CHECK (status IN ('running', 'finished', 'interrupted', 'failed')),
  started   INTEGER NOT NULL,
  ended     INTEGER,
  seconds   REAL NOT NULL DEFAULT 0,        -- of work
  documents INTEGER NOT NULL DEFAULT 0,     -- handled
  tokens    INTEGER NOT NULL DEFAULT 0,     -- run through the source
  bytes     INTEGER NOT NULL DEFAULT 0,     -- of payload added
  seed      TEXT,                           -- decimal, 64 bits without a sign
  plan      TEXT NOT NULL CHECK (json_valid(plan)),      -- what it set out to do
  options   TEXT NOT NULL CHECK (json_valid(options)),   -- the command line's
  outcomes  TEXT NOT NULL CHECK (json_valid(outcomes))   -- {"stored": 900, "skipped: empty prompt": 2, ..., "file bytes": 8e6, "idle share": 0.04}
) STRICT;

-- A record: the values of consecutive tokens of a stream. A text is a chain of records from its first token on; two
-- texts that begin alike share the records of what they share, up to a multiple of chunk_tokens.
CREATE TABLE records (
  id        INTEGER PRIMARY KEY,
  key       BLOB NOT NULL UNIQUE,           -- hash of (stream's key, parent's key or nothing, token ids)
  stream    INTEGER NOT NULL REFERENCES streams(id),
  parent    INTEGER REFERENCES records(id), -- the record before; NULL at the start of a text
  first     INTEGER NOT NULL,               -- position of the first token in the text
  tokens    INTEGER NOT NULL,
  ids       BLOB NOT NULL,                  -- the token ids
  codec     TEXT NOT NULL,                  -- its name: which fit, the stream says
  payload   BLOB NOT NULL,                  -- the coded values
  raw_bytes INTEGER NOT NULL,               -- size of the payload before entropy coding
  error_rms REAL NOT NULL,                  -- |decoded - computed| / |computed|, Euclidean, over the record
  error_max REAL NOT NULL,                  -- largest |decoded - computed|
  run       INTEGER REFERENCES runs(id),    -- that computed it
  created   INTEGER NOT NULL,
  checksum  BLOB NOT NULL                   -- over every column but id, run, created; parent and stream by key
) STRICT;
CREATE INDEX records_by_parent ON records(parent) WHERE parent IS NOT NULL;

-- A document: a prompt and what answers it (or, without a prompt, a text as the response).
CREATE TABLE documents (
  id           INTEGER PRIMARY KEY,
  key          BLOB NOT NULL,               -- hash of (prompt, response)
  source       INTEGER NOT NULL REFERENCES sources(id),
  split        TEXT NOT NULL CHECK (split IN ('train', 'validation', 'test', 'asked')),  -- 'asked': stored by generation
  corpus       TEXT NOT NULL,               -- name of the file it came from
  line         INTEGER NOT NULL,            -- in that file, from 1; 0: none
  prompt       TEXT NOT NULL,
  prompt_ids   BLOB NOT NULL,               -- in the source's tokenizer, template included
  response     TEXT NOT NULL,
  response_ids BLOB NOT NULL,
  run          INTEGER REFERENCES runs(id), -- that stored it
  created      INTEGER NOT NULL,
  checksum     BLOB NOT NULL,               -- over every column but id, run, created, used
  sealed       BLOB,                        -- encrypted: prompt, response and ids, which are empty above
  prompt_tokens   INTEGER NOT NULL,         -- in prompt_ids
  response_tokens INTEGER NOT NULL,         -- in response_ids
  used         INTEGER,                     -- when generation last took its states from here; NULL: never
  UNIQUE (source, key)
) STRICT;
CREATE INDEX documents_by_split ON documents(split);

-- The states a document has: the chain of records that ends in `tail`.
CREATE TABLE chains (
  document INTEGER NOT NULL REFERENCES documents(id),
  stream   INTEGER NOT NULL REFERENCES streams(id),
  coverage TEXT NOT NULL CHECK (coverage IN ('prompt', 'document')),  -- the prompt's tokens, or the response's too
  tokens   INTEGER NOT NULL,
  tail     INTEGER NOT NULL REFERENCES records(id),
  PRIMARY KEY (document, stream, coverage)
) STRICT, WITHOUT ROWID;
CREATE INDEX chains_by_tail ON chains(tail);

-- An encrypted cache's own key, sealed with its user's: one row; none where the cache is not encrypted.
--
-- In an encrypted cache, `records.payload` and `documents.sealed` are AES-256-GCM's nonce (12 bytes), ciphertext
-- and tag (16), bound to the row's key; a record's token ids (4 bytes each), sizes and errors come before its coded
-- values; keys and checksums of records and documents are HMAC-SHA256. Names of files, counts and times stay readable,
-- and sizes and errors coarsely: those of a record are sealed exactly, with 512 bytes' padding, and rounded to a digit
-- beside it.
CREATE TABLE encryption (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  cipher      TEXT NOT NULL,                -- 'AES-256-GCM'
  wrapped_key BLOB NOT NULL,
  created     INTEGER NOT NULL,
  rotated     INTEGER                       -- when the user's key was last changed
) STRICT;

-- What generation found, where it may write here: a row a day (in UTC) and stream.
CREATE TABLE lookups (
  day    INTEGER NOT NULL,                  -- since 1970
  stream INTEGER NOT NULL REFERENCES streams(id),
  hits   INTEGER NOT NULL DEFAULT 0,        -- prompts whose states were here
  misses INTEGER NOT NULL DEFAULT 0,        -- prompts whose states were computed
  tokens INTEGER NOT NULL DEFAULT 0,        -- of the hits: that the source did not run
  PRIMARY KEY (day, stream)
) STRICT, WITHOUT ROWID;

-- What holds for the file as a whole.
CREATE TABLE settings (
  name  TEXT PRIMARY KEY,                   -- 'byte limit': what `denju cache limit` set
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is in here, a fact a row.
CREATE VIEW cache_summary (fact, value) AS
WITH
  stored AS (
    SELECT count(*) AS records, coalesce(sum(tokens), 0) AS tokens, coalesce(sum(length(payload)), 0) AS bytes,
      sum(error_rms * tokens) / sum(tokens) AS error_rms, max(error_max) AS error_max, max(created) AS latest
    FROM records),
  float32 AS (
    SELECT coalesce(sum(4 * r.tokens * s.width), 0) AS bytes FROM records r JOIN streams s ON s.id = r.stream),
  wanted AS (SELECT coalesce(sum(tokens), 0) AS tokens FROM chains),
  file AS (SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size)
SELECT 'sources', (SELECT group_concat(name, ', ') FROM sources)
UNION ALL SELECT 'documents', (SELECT count(*) FROM documents)
UNION ALL SELECT 'documents: train', (SELECT count(*) FROM documents WHERE split = 'train')
UNION ALL SELECT 'documents: validation', (SELECT count(*) FROM documents WHERE split = 'validation')
UNION ALL SELECT 'documents: test', (SELECT count(*) FROM documents WHERE split = 'test')
UNION ALL SELECT 'documents: asked', (SELECT count(*) FROM documents WHERE split = 'asked')
UNION ALL SELECT 'records', records FROM stored
UNION ALL SELECT 'tokens of all documents', tokens FROM wanted
UNION ALL SELECT 'tokens stored', tokens FROM stored
UNION ALL SELECT 'tokens saved by sharing', wanted.tokens - stored.tokens FROM wanted, stored
UNION ALL SELECT 'bytes of states', bytes FROM stored
UNION ALL SELECT 'bytes of file', bytes FROM file
UNION ALL SELECT 'bytes of states a token', round(1.0 * bytes / tokens, 1) FROM stored
UNION ALL SELECT 'bytes of file a token', round(1.0 * file.bytes / stored.tokens, 1) FROM file, stored
UNION ALL SELECT 'times smaller than float32', round(1.0 * float32.bytes / stored.bytes, 2) FROM float32, stored
UNION ALL SELECT 'mean relative error', round(error_rms, 6) FROM stored
UNION ALL SELECT 'largest absolute error', round(error_max, 6) FROM stored
UNION ALL SELECT 'runs', (SELECT count(*) FROM runs)
UNION ALL SELECT 'last run', (SELECT kind || ', ' || status || ', ' || datetime(started, 'unixepoch') FROM runs ORDER BY id DESC LIMIT 1)
UNION ALL SELECT 'last record written', datetime(latest, 'unixepoch') FROM stored;

-- A row a stream: whose states, which layer, how many, how large.
CREATE VIEW cache_by_source AS
WITH
  stored AS (
    SELECT stream, count(*) AS records, sum(tokens) AS tokens, sum(length(payload)) AS bytes FROM records GROUP BY stream),
  wanted AS (
    SELECT stream, count(DISTINCT document) AS documents, sum(tokens) AS tokens FROM chains GROUP BY stream)
SELECT
  streams.id AS stream,
  sources.name AS source,
  substr(sources.weights_sha256, 1, 12) AS weights,
  streams.kind,
  streams.layer,
  streams.normalized,
  streams.width,
  streams.precision,
  streams.codec,
  streams.numerics,
  coalesce(wanted.documents, 0) AS documents,
  coalesce(wanted.tokens, 0) AS tokens,
  coalesce(stored.tokens, 0) AS stored_tokens,
  round(1.0 * wanted.tokens / stored.tokens, 3) AS times_shared,
  coalesce(stored.records, 0) AS records,
  coalesce(stored.bytes, 0) AS bytes,
  round(1.0 * stored.bytes / stored.tokens, 1) AS bytes_per_token,
  sources.path AS path_hint
FROM streams
JOIN sources ON sources.id = streams.source
LEFT JOIN stored ON stored.stream = streams.id
LEFT JOIN wanted ON wanted.stream = streams.id;

-- A row a codec: what it saves and what it costs.
CREATE VIEW cache_by_codec AS
SELECT
  streams.codec,
  count(*) AS records,
  sum(records.tokens) AS tokens,
  sum(length(records.payload)) AS bytes,
  sum(4 * records.tokens * streams.width) AS float32_bytes,
  round(1.0 * sum(4 * records.tokens * streams.width) / sum(length(records.payload)), 2) AS times_smaller,
  round(1.0 * sum(length(records.payload)) / sum(records.tokens), 1) AS bytes_per_token,
  round(sum(records.error_rms * records.tokens) / sum(records.tokens), 6) AS mean_relative_error,
  round(max(records.error_rms), 6) AS worst_relative_error,
  round(max(records.error_max), 6) AS largest_absolute_error
FROM records
JOIN streams ON streams.id = records.stream
GROUP BY streams.codec;

-- A row a fitted codec: what was allowed, and what was measured on texts held out of the fit.
CREATE VIEW cache_codecs AS
SELECT
  codecs.identity AS codec,
  codecs.allowance,
  codecs.fitted_tokens,
  codecs.held_out_tokens,
  round(codecs.added, 6) AS added,
  round(codecs.bound, 6) AS bound,
  round(codecs.divergence, 6) AS divergence,
  length(codecs.fit) AS fit_bytes,
  datetime(codecs.created, 'unixepoch') AS fitted
FROM codecs
ORDER BY codecs.id;

-- A row a document and stream: what it says, and which states it has.
CREATE VIEW cache_documents AS
SELECT
  documents.id,
  chains.stream,
  documents.split,
  documents.corpus,
  documents.line,
  iif(documents.sealed IS NULL, replace(substr(documents.prompt, 1, 60), char(10), ' '), '(encrypted)') AS prompt,
  iif(documents.sealed IS NULL, replace(substr(documents.response, 1, 60), char(10), ' '), '(encrypted)') AS response,
  documents.prompt_tokens,
  documents.response_tokens,
  chains.coverage,
  coalesce(chains.tokens, 0) AS state_tokens,
  datetime(documents.created, 'unixepoch') AS stored
FROM documents
LEFT JOIN chains ON chains.document = documents.id;

-- A row a run: what it did and how fast, and what was planned. The plan's bytes are the file's.
CREATE VIEW cache_runs AS
SELECT
  id,
  kind,
  status,
  datetime(started, 'unixepoch') AS started,
  datetime(ended, 'unixepoch') AS ended,
  round(seconds, 1) AS seconds,
  documents,
  tokens,
  round(tokens / nullif(seconds, 0), 1) AS tokens_per_second,
  bytes,
  json_extract(outcomes, '$."file bytes"') AS file_bytes,
  json_extract(outcomes, '$."idle share"') AS idle_share,
  json_extract(plan, '$.tokensToCompute') AS planned_tokens,
  round(json_extract(plan, '$.seconds'), 1) AS planned_seconds,
  json_extract(plan, '$.bytes') AS planned_bytes,
  seed,
  outcomes,
  options
FROM runs
ORDER BY id;

-- A row a day (in UTC) and run: what was stored.
CREATE VIEW cache_by_day AS
SELECT
  date(records.created, 'unixepoch') AS day,
  records.run,
  runs.kind,
  count(*) AS records,
  sum(records.tokens) AS tokens,
  sum(length(records.payload)) AS bytes
FROM records
LEFT JOIN runs ON runs.id = records.run
GROUP BY 1, 2
ORDER BY 1, 2;

-- A row a stream: quantiles over its records of the relative error that the codec measured.
CREATE VIEW cache_errors AS
WITH ranked AS (
  SELECT stream, codec, error_rms, error_max,
    row_number() OVER (PARTITION BY stream ORDER BY error_rms) AS place,
    count(*) OVER (PARTITION BY stream) AS records
  FROM records)
SELECT
  stream,
  codec,
  records,
  round(min(error_rms), 6) AS least,
  round(min(error_rms) FILTER (WHERE place >= 0.5 * records), 6) AS median,
  round(min(error_rms) FILTER (WHERE place >= 0.9 * records), 6) AS p90,
  round(min(error_rms) FILTER (WHERE place >= 0.99 * records), 6) AS p99,
  round(max(error_rms), 6) AS worst,
  round(max(error_max), 6) AS largest_absolute
FROM ranked
GROUP BY stream, codec, records;

-- A row a stream: tokens that need not be stored, since texts are equal or begin alike.
CREATE VIEW cache_savings AS
WITH
  texts AS (SELECT stream, tail, count(*) AS times, max(tokens) AS tokens FROM chains GROUP BY stream, tail),
  wanted AS (
    SELECT stream, sum(times * tokens) AS tokens, sum((times - 1) * tokens) AS equal FROM texts GROUP BY stream),
  stored AS (SELECT stream, sum(tokens) AS tokens, sum(length(payload)) AS bytes FROM records GROUP BY stream)
SELECT
  wanted.stream,
  wanted.tokens AS tokens,
  stored.tokens AS stored_tokens,
  wanted.equal AS saved_by_equal_texts,
  wanted.tokens - stored.tokens - wanted.equal AS saved_by_shared_beginnings,
  round(1.0 * wanted.tokens / stored.tokens, 3) AS times_shared,
  CAST(round(1.0 * (wanted.tokens - stored.tokens) * stored.bytes / stored.tokens) AS INTEGER) AS bytes_saved
FROM wanted
JOIN stored USING (stream);

-- A row a text that several documents have, those that save most first.
CREATE VIEW cache_duplicates AS
SELECT
  chains.stream,
  count(*) AS documents,
  max(chains.tokens) AS tokens,
  (count(*) - 1) * max(chains.tokens) AS tokens_saved,
  min(documents.id) AS first_document,
  iif(documents.sealed IS NULL, replace(substr(documents.prompt, 1, 60), char(10), ' '), '(encrypted)') AS prompt
FROM chains
JOIN documents ON documents.id = chains.document
GROUP BY chains.stream, chains.tail
HAVING count(*) > 1
ORDER BY tokens_saved DESC;

-- A row a document and stream, the largest first: bytes of all states that it needs, shared ones too.
CREATE VIEW cache_largest AS
WITH RECURSIVE needed (document, stream, record) AS (
  SELECT document, stream, tail FROM chains
  UNION
  SELECT needed.document, needed.stream, records.parent FROM needed JOIN records ON records.id = needed.record
  WHERE records.parent IS NOT NULL)
SELECT
  documents.id,
  needed.stream,
  documents.split,
  documents.corpus,
  documents.line,
  sum(records.tokens) AS tokens,
  sum(length(records.payload)) AS bytes,
  length(CAST(documents.prompt AS BLOB)) + length(CAST(documents.response AS BLOB)) AS text_bytes,
  iif(documents.sealed IS NULL, replace(substr(documents.prompt, 1, 60), char(10), ' '), '(encrypted)') AS prompt
FROM needed
JOIN records ON records.id = needed.record
JOIN documents ON documents.id = needed.document
GROUP BY needed.document, needed.stream
ORDER BY bytes DESC, documents.id;

-- A row a day (in UTC) and stream: whether generation found its prompts' states here.
CREATE VIEW cache_lookups AS
SELECT
  date(day * 86400, 'unixepoch') AS day,
  stream,
  hits,
  misses,
  round(1.0 * hits / (hits + misses), 3) AS hit_share,
  tokens AS tokens_saved
FROM lookups
ORDER BY 1, 2;
