#include "model/notes.h"

#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "model/tensors.h"

namespace gannet {
namespace {

// "v.*" for "v.blk.0.attn_q.weight", "blk.4.*" for a block beyond the model's.
std::string family_of(const std::string& name) {
  if (const int64_t block = block_of(name); block >= 0) return fmt::format("blk.{}.*", block);
  const size_t dot = name.find('.');
  return dot == std::string::npos ? printable(name) : printable(name.substr(0, dot)) + ".*";
}

// Empty when every tensor is of the model.
std::string foreign_tensors(const GgufFile& file, const Hyperparameters& hp) {
  constexpr size_t kShown = 8;
  std::map<std::string, size_t> families;
  size_t n = 0;
  for (const GgufTensor& t : file.tensors())
    if (!is_model_tensor(t.name, hp)) ++families[family_of(t.name)], ++n;
  if (n == 0) return {};
  std::vector<std::string> shown;
  for (const auto& [family, count] : families) {
    if (shown.size() == kShown) {
      shown.push_back("...");
      break;
    }
    shown.push_back(fmt::format("{} {}", count, family));
  }
  return fmt::format("{} tensor{} beside the model {} not used: {}", n, n == 1 ? "" : "s",
                     n == 1 ? "is" : "are", fmt::join(shown, ", "));
}

}  // namespace

std::vector<ModelNote> model_notes(const GgufFile& file, const Hyperparameters& hp) {
  std::vector<ModelNote> notes;
  if (hp.n_mtp_absent > 0)
    notes.push_back(
        {fmt::format("{}.nextn_predict_layers counts {} MTP block, which the file does not hold; the "
                     "{} blocks of the trunk run without it",
                     hp.arch_facts().name, hp.n_mtp_absent, hp.n_blocks),
         false});
  if (std::string foreign = foreign_tensors(file, hp); !foreign.empty())
    notes.push_back({std::move(foreign), true});
  return notes;
}

}  // namespace gannet
