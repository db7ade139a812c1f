// Debian: libzstd-dev. The stable one-shot API alone is used.
#include <zstd.h>
