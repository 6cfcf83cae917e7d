#include "cli/model_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace gannet {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

struct ModelListTest : testing::Test {
  fs::path folder = fs::path(testing::TempDir()) / ("model_list_test." + std::to_string(::getpid()));
  ModelListTest() { fs::create_directories(folder / "models" / "more"); }
  ~ModelListTest() override { fs::remove_all(folder); }

  void put(const std::string& name, const std::string& text = "x") const {
    std::ofstream(folder / name) << text;
  }
  Result<std::vector<ServedModel>> models(const std::string& preset = "",
                                          const ServedModelFlags& flags = {}) {
    ModelListFlags list;
    list.folder = (folder / "models").string();
    if (!preset.empty()) {
      put("preset.ini", preset);
      list.preset = (folder / "preset.ini").string();
    }
    return served_models(flags, list, {});
  }
  static std::vector<std::string> names(const std::vector<ServedModel>& models) {
    std::vector<std::string> out;
    for (const ServedModel& model : models) out.push_back(model.card.id);
    return out;
  }
};

// Also links, as downloads of others leave them, and models in parts.
TEST_F(ModelListTest, FilesOfAFolderAreModels) {
  put("elsewhere.bin");
  put("models/b.gguf");
  put("models/mmproj-b.gguf");
  put("models/notes.txt");
  put("models/more/big-00001-of-00002.gguf");
  put("models/more/big-00002-of-00002.gguf");
  fs::create_symlink(folder / "elsewhere.bin", folder / "models" / "a.Q4_K.gguf");
  const auto found = models();
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_THAT(names(*found), ElementsAre("a.Q4_K", "b", "more/big"));
  EXPECT_EQ((*found)[0].card.bytes, 1);
}

TEST_F(ModelListTest, AnEmptyFolderIsAnError) {
  EXPECT_THAT(models().error().message(), HasSubstr("there is no .gguf file"));
}

TEST_F(ModelListTest, PresetsNameModels) {
  put("models/b.gguf");
  put("models/a.gguf");
  const auto found =
      models("[*]\nctx-size = 100\n[b]\nalias = first,second\n[other]\nmodel = /there/c.gguf\n");
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_THAT(names(*found), ElementsAre("first", "other", "a"));
  EXPECT_THAT((*found)[0].card.aliases, ElementsAre("second", "b"));
  EXPECT_EQ((*found)[1].card.path, "/there/c.gguf");
}

TEST_F(ModelListTest, WhatIsWrongIsNamed) {
  put("models/a.gguf");
  EXPECT_THAT(models("[nothing]\nctx-size = 1\n").error().message(), HasSubstr("[nothing] has no line"));
  EXPECT_THAT(models("[a]\nctx-sise = 1\n").error().message(), HasSubstr("ctx-sise"));
  EXPECT_THAT(models("[a]\nctx-size = many\n").error().message(), HasSubstr("[a]"));
  EXPECT_THAT(models("[a\n").error().message(), HasSubstr("line 1"));
}

}  // namespace
}  // namespace gannet
