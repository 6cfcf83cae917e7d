#include "model/shapes.h"

#include <gtest/gtest.h>

namespace gannet {
namespace {

struct Totals {
  int64_t trunk = 0, mtp = 0;
};

Totals parameters(const char* like, bool mtp) {
  ShapeChanges changes;
  changes.mtp = mtp;
  const ModelShape shape = model_shape(like, changes).take();
  const std::string mtp_prefix = "blk." + std::to_string(shape.hp.n_trunk()) + ".";
  Totals totals;
  for (const TensorSpec& spec : published_tensors(shape))
    (spec.name.starts_with(mtp_prefix) ? totals.mtp : totals.trunk) += spec.shape.elements();
  return totals;
}

TEST(Shapes, ParametersAreThoseOfThePublishedModels) {
  const struct {
    const char* name;
    int64_t trunk, mtp;
  } kPublished[] = {
      {"0.8b", 752'393'024, 20'452'864},
      {"2b", 1'881'825'088, 60'828'160},
      {"4b", 4'205'751'296, 120'599'552},
      {"9b", 8'953'803'264, 243'290'624},
      {"27b", 26'895'998'464, 424'699'392},
      {"35b-a3b", 34'660'610'688, 844'640'768},
      {"122b-a10b", 122'111'526'912, 2'523'679'232},
      {"397b-a17b", 396'346'350'336, 6'595'568'128},
      {"80b-a3b", 79'674'391'296, 1'650'471'424},
  };
  for (const auto& p : kPublished) {
    EXPECT_EQ(parameters(p.name, false).trunk, p.trunk) << p.name;
    EXPECT_EQ(parameters(p.name, false).mtp, 0) << p.name;
    EXPECT_EQ(parameters(p.name, true).trunk, p.trunk) << p.name;
    EXPECT_EQ(parameters(p.name, true).mtp, p.mtp) << p.name;
  }
  EXPECT_EQ(parameters("coder-next", false).trunk, 79'674'391'296);
  // The dense formula of the reference: D*H*d + 2*D*Hkv*d + H*d*D + 2*d + 2*D + 3*D*F per layer.
  const int64_t layer = 2 * 1024 * 2048 + 2 * 1024 * 1024 + 2 * 128 + 2 * 1024 + 3 * 1024 * 3072;
  EXPECT_EQ(parameters("0.6b", false).trunk, 28 * layer + 1024 + 1024 * int64_t{151936});
}

TEST(Shapes, ChangesAreTaken) {
  ShapeChanges changes;
  changes.n_layers = 8;
  changes.n_vocab = 4096;
  changes.mtp = true;
  const ModelShape shape = model_shape("35b-a3b", changes).take();
  EXPECT_EQ(shape.hp.n_blocks, 9u);
  EXPECT_EQ(shape.hp.n_trunk(), 8u);
  EXPECT_EQ(shape.hp.n_vocab, 4096u);
  for (uint32_t n = 0; n < 9; ++n) EXPECT_EQ(shape.hp.is_recurrent(n), n != 3 && n != 7 && n != 8) << n;
}

TEST(Shapes, ContradictionsAreRefused) {
  const auto message = [](const char* like, const ShapeChanges& changes) {
    const auto shape = model_shape(like, changes);
    if (shape.ok()) return std::string("accepted");
    EXPECT_EQ(shape.error().code(), ErrorCode::kUsage);
    return shape.error().message();
  };
  EXPECT_NE(message("35b-a3b", {.arch = Architecture::kQwen35, .n_layers = {}, .n_vocab = {}})
                .find("is qwen35moe, not qwen35"),
            std::string::npos);
  EXPECT_NE(message("tiny", {}).find("--arch"), std::string::npos);
  EXPECT_NE(message("7b", {}).find("0.8b"), std::string::npos);  // lists what there is
  EXPECT_NE(message("0.6b", {.arch = {}, .n_layers = {}, .n_vocab = {}, .mtp = true}).find("no MTP"),
            std::string::npos);
  EXPECT_NE(message("0.8b", {.arch = {}, .n_layers = 0, .n_vocab = {}}).find("0 layers"), std::string::npos);
  EXPECT_NE(message("0.8b", {.arch = {}, .n_layers = 5000, .n_vocab = {}}).find("5000 layers"),
            std::string::npos);
  EXPECT_NE(message("0.8b", {.arch = {}, .n_layers = {}, .n_vocab = 1u << 25}).find("vocabulary"),
            std::string::npos);
  EXPECT_FALSE(find_architecture("llama").ok());
  EXPECT_EQ(find_architecture("qwen3next").value(), Architecture::kQwen3Next);
}

TEST(Shapes, TinyExistsForEveryFamily) {
  for (const ArchitectureFacts& f : architectures()) {
    ShapeChanges changes;
    changes.arch = f.arch;
    const ModelShape shape = model_shape("tiny", changes).take();
    EXPECT_EQ(shape.hp.arch, f.arch);
    int64_t parameters = 0;
    for (const TensorSpec& spec : published_tensors(shape)) {
      parameters += spec.shape.elements();
      // Rows of matrices hold whole blocks of every type.
      if (spec.role != TensorRole::kVector) {
        EXPECT_EQ(spec.shape.last() % 256, 0) << spec.name;
      }
    }
    EXPECT_LT(parameters, 8'000'000);
  }
}

}  // namespace
}  // namespace gannet
