// `gannet gguf verify FILE`: runs the full check of a model file and prints what it found. Knows nothing of
// command lines.
#pragma once

#include <string>

#include "base/result.h"
#include "gguf/verify.h"

namespace gannet {

// The report as lines of text, ending with a newline: one line per file, one per unsound tensor, one verdict.
std::string verify_text(const VerifyReport& report);

// Checks PATH, with progress on stderr, and writes the report to stdout. `stop` is asked between pieces of
// work (null: never). Errors: the file cannot be opened or parsed or has tokens without logits (kModelFile),
// is unsound (kModelFile, after the report was printed), the report cannot be written (kOutput), or the check
// was stopped (kInterrupted).
Result<void> run_gguf_verify(const std::string& path, const VerifyOptions& options, bool (*stop)());

}  // namespace gannet
