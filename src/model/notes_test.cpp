#include "model/notes.h"

#include <gtest/gtest.h>

#include "model/heat.h"
#include "model/model_file_for_test.h"

namespace gannet {
namespace {

using enum Architecture;

std::vector<ModelNote> notes_of(ModelFileForTest& test) {
  const GgufFile file = test.parse();
  return model_notes(file, read_hyperparameters(file).take());
}

TEST(ModelNotes, AWholeModelNeedsNone) {
  for (const ArchitectureFacts& f : architectures()) {
    ModelFileForTest test = ModelFileForTest::complete(tiny_shape(f.arch, f.delta_net));
    EXPECT_TRUE(notes_of(test).empty()) << f.name;
  }
}

TEST(ModelNotes, AnAbsentMtpBlockIsSaid) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35, true));
  test.remove_all("blk.4.");
  const auto notes = notes_of(test);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_FALSE(notes[0].detail);
  EXPECT_EQ(
      notes[0].text,
      "qwen35.nextn_predict_layers counts 1 MTP block, which the file does not hold; the 4 blocks of the "
      "trunk run without it");
}

TEST(ModelNotes, TensorsBesideTheModelAreCounted) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35));
  for (const char* name :
       {"v.patch_embed.weight", "v.blk.0.attn_q.bias", "mtp.fc.weight", "blk.17.x", "\x1b[31m.weight"})
    test.add(name, DType::kF32, Shape(8));
  const auto notes = notes_of(test);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_TRUE(notes[0].detail);
  EXPECT_EQ(notes[0].text,
            "5 tensors beside the model are not used: 1 \\u{1b}[31m.*, 1 blk.17.*, 1 mtp.*, 2 v.*");
}

// What is not used need not lie in the best memory.
TEST(ModelNotes, NobodyReadsTensorsBesideTheModel) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35));
  test.add("v.patch_embed.weight", DType::kF32, Shape(8));
  const GgufFile file = test.parse();
  const Hyperparameters hp = read_hyperparameters(file).take();
  EXPECT_EQ(reads_per_token(file, hp, *file.find_tensor("v.patch_embed.weight")), 0);
  EXPECT_EQ(reads_per_token(file, hp, *file.find_tensor("blk.3.attn_q.weight")), 1);
  EXPECT_EQ(reads_per_token(file, hp, *file.find_tensor("output.weight")), 1);
  EXPECT_EQ(reads_per_token(file, hp, *file.find_tensor("output_norm.weight")), 1);
}

}  // namespace
}  // namespace gannet
