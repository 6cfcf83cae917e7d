// Small models with random weights, for tests that must not need a file.
#pragma once

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "engine/model.h"
#include "model/mix.h"
#include "model/model_file_for_test.h"
#include "model/random_weights.h"

namespace gannet {

struct MadeModel {
  std::vector<std::byte> file;  // of which the model is a view
  std::shared_ptr<const Model> model;

  // All tensors in the types of a published mix ("Q4_K_M"; "F32" is what they are without rounding).
  explicit MadeModel(Architecture arch, const char* mix = "F32", bool mtp = false) {
    const ModelShape shape = tiny_shape(arch, mtp);
    const std::vector<TensorSpec> specs = published_tensors(shape);
    std::vector<MixTensor> tensors;
    for (const TensorSpec& spec : specs) tensors.push_back({spec.name, spec.shape, DType::kF32});
    const std::vector<DType> types = mix_types(*find_mix(mix).take(), shape.hp, tensors);
    ModelFileForTest made = ModelFileForTest::with_keys(shape.hp);
    ThreadTeam team(1);
    RandomWeights weights(1, team);
    for (size_t i = 0; i < specs.size(); ++i) {
      std::vector<std::byte> bytes(static_cast<size_t>(tensor_bytes(types[i], specs[i].shape)));
      weights.fill(specs[i], types[i], 0, bytes);
      made.tensors.push_back({specs[i].name, types[i], specs[i].shape, std::move(bytes)});
    }
    file = made.encode();
    auto loaded = Model::load_embedded(file, "made model");
    EXPECT_TRUE(loaded.ok()) << loaded.error().message();
    model = *loaded;
  }
};

}  // namespace gannet
