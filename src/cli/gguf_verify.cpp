#include "cli/gguf_verify.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "model/hyperparameters.h"

namespace gannet {
namespace {

std::string plural(uint64_t n, std::string_view noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

// Of a report that is not sound: the first thing that is wrong.
Error unsound(const VerifyReport& report) {
  const auto error = [](const std::string& path, const std::string& what) {
    return Error(ErrorCode::kModelFile, fmt::format("{}: {}; download the file again", path, what));
  };
  if (!report.bad.empty()) {
    const BadTensor& first = report.bad.front();
    return error(report.shards[static_cast<size_t>(first.shard)].path,
                 fmt::format("{} with values that are not finite or out of range, the first is {} at byte {}",
                             plural(report.bad.size(), "tensor"), printable(first.name), first.file_offset));
  }
  for (const VerifiedShard& shard : report.shards)
    if (shard.trailing_bytes > 0)
      return error(shard.path,
                   fmt::format("the last {} of it belong to nothing", plural(shard.trailing_bytes, "byte")));
  for (const VerifiedShard& shard : report.shards)
    if (shard.bad_padding > 0)
      return error(shard.path, fmt::format("{} between the parts of the file should be 0",
                                           plural(shard.bad_padding, "byte")));
  GANNET_CHECK(false, "the report is sound");
}

}  // namespace

std::string verify_text(const VerifyReport& report) {
  std::string text;
  auto to = std::back_inserter(text);
  for (const VerifiedShard& shard : report.shards) {
    fmt::format_to(to, "{}: {}", shard.path, plural(shard.bytes, "byte"));
    if (!shard.sha256.empty()) fmt::format_to(to, ", sha256 {}", shard.sha256);
    if (shard.trailing_bytes > 0)
      fmt::format_to(to, ", the last {} of them belong to nothing", shard.trailing_bytes);
    if (shard.bad_padding > 0)
      fmt::format_to(to, ", {} between its parts should be 0", plural(shard.bad_padding, "byte"));
    text += '\n';
  }
  for (const BadTensor& bad : report.bad) {
    const bool blocks = dtype_info(bad.dtype).quantized;
    fmt::format_to(
        to, "bad: {} ({}): {} of {} {} not finite or out of range, first in row {}, {} {}, at byte {}",
        printable(bad.name), dtype_info(bad.dtype).name, bad.bad_blocks, bad.total_blocks,
        blocks ? "blocks" : "values", bad.row, blocks ? "block" : "column", bad.block, bad.file_offset);
    if (report.shards.size() > 1) fmt::format_to(to, " of file {}", bad.shard + 1);
    text += '\n';
  }
  fmt::format_to(to, "{}: {}, {}, {} of tensor data checked", report.sound() ? "sound" : "damaged",
                 fmt::format("{} metadata {}", report.n_entries, report.n_entries == 1 ? "entry" : "entries"),
                 plural(report.n_tensors, "tensor"), plural(report.data_bytes, "byte"));
  if (!report.bad.empty()) fmt::format_to(to, "; {} unsound", plural(report.bad.size(), "tensor"));
  text += '\n';
  return text;
}

Result<void> run_gguf_verify(const std::string& path, const VerifyOptions& options, bool (*stop)()) {
  const GgufFile file = GANNET_TRY(GgufFile::open(path));
  if (const std::string problem = vocabulary_problem(file); !problem.empty())
    return Error(ErrorCode::kModelFile, fmt::format("{}: {}", path, problem));
  std::optional<ProgressBar> bar("checking");
  auto report = verify_gguf(file, options, [&](uint64_t done, uint64_t total) {
    bar->update(static_cast<double>(done) / static_cast<double>(std::max<uint64_t>(total, 1)));
    return stop == nullptr || !stop();
  });
  bar.reset();
  if (!report) return report.take_error();
  GANNET_TRY(put_stdout(verify_text(*report)));
  GANNET_TRY(flush_stdout());
  if (report->sound()) return {};
  return unsound(*report);
}

}  // namespace gannet
