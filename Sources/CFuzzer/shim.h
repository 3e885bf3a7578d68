#include <stddef.h>
#include <stdint.h>

// Of compiler-rt's libFuzzer, which installs no header. Calls back with each input until it has had
// enough; the arguments are those of its command line.
int LLVMFuzzerRunDriver(int *argc, char ***argv,
                        int (*callback)(const uint8_t *bytes, size_t count));
