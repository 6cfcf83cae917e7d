#include "engine/model.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/printable.h"
#include "engine/sampling_defaults.h"
#include "engine/vocabulary_from_gguf.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

Result<void> check_rows(const GgufFile& file) {
  for (const GgufTensor& t : file.tensors()) {
    const int64_t n = t.shape.last(), bytes = row_bytes(t.dtype, n);
    for (int64_t row = 0; row < t.shape.rows(); ++row) {
      const int64_t bad = find_bad_block(t.dtype, t.data.data() + row * bytes, n);
      if (bad >= 0)
        return Error(
            ErrorCode::kModelFile,
            fmt::format(
                "{}: {} row {} block {} (byte {}) holds a value that is not finite; download the file again",
                file.path(), printable(t.name), row, bad,
                t.file_offset + static_cast<uint64_t>(row * bytes)));
    }
  }
  return {};
}

}  // namespace

std::vector<ModelNote> file_notes(const GgufFile& file, const Hyperparameters& hp) {
  std::vector<ModelNote> notes = model_notes(file, hp);
  for (std::string& text : ignored_token_ids(file)) notes.push_back({std::move(text), false});
  for (ModelNote& note : sampling_notes(file)) notes.push_back(std::move(note));
  return notes;
}

Model::Model(GgufFile file, Hyperparameters hp, WeightTable weights)
    : file_(std::move(file)), hp_(std::move(hp)), weights_(std::move(weights)) {}

Result<std::shared_ptr<const Model>> Model::make(GgufFile file, const LoadOptions& options,
                                                 const LoadProgress& progress) {
  Hyperparameters hp = GANNET_TRY(read_hyperparameters(file));
  WeightTable weights = GANNET_TRY(load_weights(file, hp));
  if (options.check_tensors) GANNET_TRY(check_rows(file));
  std::vector<ModelNote> notes = file_notes(file, hp);
  std::shared_ptr<Model> model(new Model(std::move(file), std::move(hp), std::move(weights)));
  model->notes_ = std::move(notes);
  model->memory_ = GANNET_TRY(WeightMemory::create(model->file_, model->hp_, options, progress));
  return std::shared_ptr<const Model>(std::move(model));
}

Result<std::shared_ptr<const Model>> Model::load(const std::string& path, const LoadOptions& options,
                                                 const LoadProgress& progress) {
  GgufFile file = GANNET_TRY(GgufFile::open(path));
  return make(std::move(file), options, progress);
}

Result<std::shared_ptr<const Model>> Model::load_embedded(std::span<const std::byte> bytes,
                                                          const std::string& name) {
  GgufFile file = GANNET_TRY(GgufFile::parse(bytes, name));
  return make(std::move(file), {}, {});
}

int64_t Model::weight_bytes() const {
  int64_t bytes = 0;
  for (const GgufTensor& t : file_.tensors()) bytes += static_cast<int64_t>(t.data.size());
  return bytes;
}

int64_t Model::parameter_count() const {
  int64_t n = 0;
  for (const GgufTensor& t : file_.tensors()) n += t.shape.elements();
  return n;
}

std::string Model::type_text() const {
  std::map<std::string_view, int64_t> bytes;
  for (const GgufTensor& t : file_.tensors())
    bytes[dtype_info(t.dtype).name] += static_cast<int64_t>(t.data.size());
  const auto most =
      std::max_element(bytes.begin(), bytes.end(), [](auto& a, auto& b) { return a.second < b.second; });
  const double billions = static_cast<double>(parameter_count()) * 1e-9;
  return fmt::format("{} {:.2f}B {}", hp_.arch_facts().name, billions,
                     most == bytes.end() ? "" : most->first);
}

}  // namespace gannet
