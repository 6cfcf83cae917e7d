// Holds the tree to the layer table src/layers.txt. The checker is first shown small trees with one fault
// each, so that its silence about the real tree means something.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "layer_check.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

const char kTable[] =
    "# comment\n"
    "base    |        | below everything\n"
    "tensor  | base   | uses base\n"
    "kit/cpu | tensor | a kit\n"
    "ops     | tensor | uses tensor and with it base\n"
    "ops/*.cpp | kit/cpu | programs beside the ops\n"
    "ops/*_bench.h | kit/cpu | what programs share\n"
    "ops/*/private | kit/cpu | kernels and their helpers\n"
    "other   | base   | does not use tensor\n";

// A temporary tree; write() makes the folders on the way.
class Tree : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/gannet_layers_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    write("src/layers.txt", kTable);
    write("src/base/a.h", "#pragma once\n");
    write("src/tensor/t.h", "#include \"base/a.h\"\n");
    write("src/kit/cpu/isa.h", "#include \"tensor/t.h\"\n");
    write("src/ops/o.h", "#include \"base/a.h\"\n#include \"tensor/t.h\"\n#include \"ops/o.h\"\n");
    write("src/ops/mul/cpu.cpp", "#include \"kit/cpu/isa.h\"\n#include \"ops/o.h\"\n");
    write("src/other/x.cpp", "#include <vector>\n#include \"base/a.h\"\n");
    for (const char* folder : {"base", "tensor", "kit/cpu", "ops", "other"}) {
      write(std::string("src/") + folder + "/README.md", "Purpose.\n");
    }
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
  }

  fs::path root_;
};

TEST_F(Tree, SoundTreeHasNoFindings) {
  write("tests/helper.h", "#include \"ops/o.h\"\n");
  write("tests/all_test.cpp",
        "#include \"helper.h\"\n#include \"other/../base/a.h\"\n#include \"kit/cpu/isa.h\"\n");
  write("include/gannet/gannet.h", "#include \"gannet/types.h\"\n");
  write("include/gannet/types.h", "#include <stdint.h>\n");
  EXPECT_THAT(check_includes(root_), IsEmpty());
  EXPECT_THAT(check_sizes(root_), IsEmpty());
}

TEST_F(Tree, IncludeOfALayerAboveIsNamedWithFileLineAndBothFolders) {
  write("src/base/b.cpp", "// first\n#include \"base/a.h\"\n  #  include \"tensor/t.h\"\n");
  EXPECT_THAT(check_includes(root_),
              ElementsAre("src/base/b.cpp:3: base may not include tensor (\"tensor/t.h\")"));
}

TEST_F(Tree, IncludeOfANeighbourIsNamed) {
  write("src/other/y.h", "#include \"tensor/t.h\"\n");
  EXPECT_THAT(check_includes(root_),
              ElementsAre("src/other/y.h:1: other may not include tensor (\"tensor/t.h\")"));
}

TEST_F(Tree, KitIsForWhatAnOpKeepsToItself) {
  write("src/ops/mul/mul.h", "#include \"kit/cpu/isa.h\"\n");
  write("src/ops/mul/lanes.h", "#include \"kit/cpu/isa.h\"\n#include \"ops/mul/mul.h\"\n");
  write("src/ops/rules.h", "#include \"kit/cpu/isa.h\"\n");
  write("src/ops/mul_bench.h", "#include \"kit/cpu/isa.h\"\n");
  write("src/ops/all_test.cpp", "#include \"kit/cpu/isa.h\"\n");
  write("src/ops/mul/mul.cpp", "#include \"kit/cpu/isa.h\"\n");
  write("src/ops/mul/reference.cpp", "#include \"kit/cpu/isa.h\"\n#include \"ops/mul/lanes.h\"\n");
  EXPECT_THAT(check_includes(root_),
              ElementsAre("src/ops/mul/mul.cpp:1: ops may not include kit/cpu (\"kit/cpu/isa.h\")",
                          "src/ops/mul/mul.h:1: ops may not include kit/cpu (\"kit/cpu/isa.h\")",
                          "src/ops/rules.h:1: ops may not include kit/cpu (\"kit/cpu/isa.h\")"));
}

TEST_F(Tree, PrivateHeadersStayInTheirFolder) {
  write("src/ops/mul/mul.h", "\n");
  write("src/ops/mul/lanes.h", "\n");
  write("src/ops/mul/deep/inner.h", "#include \"ops/mul/lanes.h\"\n");
  write("src/ops/add/add.h", "#include \"ops/mul/mul.h\"\n");
  write("src/ops/add/add.cpp", "#include \"ops/mul/lanes.h\"\n");
  write("src/ops/run.cpp", "#include \"ops/mul/deep/inner.h\"\n");
  EXPECT_THAT(check_includes(root_),
              ElementsAre("src/ops/add/add.cpp:1: \"ops/mul/lanes.h\" is private to ops/mul/",
                          "src/ops/run.cpp:1: \"ops/mul/deep/inner.h\" is private to ops/mul/"));
}

TEST_F(Tree, IncludesAreWrittenRelativeToSrc) {
  write("src/tensor/u.cpp", "#include \"t.h\"\n#include \"base/missing.h\"\n");
  EXPECT_THAT(
      check_includes(root_),
      ElementsAre(
          "src/tensor/u.cpp:1: \"t.h\" is no file of src/; write includes relative to src/",
          "src/tensor/u.cpp:2: \"base/missing.h\" is no file of src/; write includes relative to src/"));
}

TEST_F(Tree, FolderWithoutARowAndInternalsInPublicHeadersAreNamed) {
  write("src/stray/z.cpp", "int z;\n");
  write("include/gannet/gannet.h", "#include \"base/a.h\"\n");
  write("tests/t_test.cpp", "#include \"nowhere.h\"\n");
  EXPECT_THAT(
      check_includes(root_),
      ElementsAre("src/stray/z.cpp:1: its folder has no row in src/layers.txt",
                  "include/gannet/gannet.h:1: include/ may include only include/, not \"base/a.h\"",
                  "tests/t_test.cpp:1: \"nowhere.h\" is no file of src/; write includes relative to src/"));
}

TEST_F(Tree, TableMayOnlyNameRowsAbove) {
  write("src/layers.txt", "base | tensor | wrong way\ntensor | base | x\nbase | | again\nno bars\n");
  EXPECT_THAT(check_includes(root_),
              ElementsAre("src/layers.txt:1: base names tensor, which is no row above it",
                          "src/layers.txt:3: base has two rows",
                          "src/layers.txt:4: a row is `folder | may include | one line`"));
  fs::remove(root_ / "src/layers.txt");
  EXPECT_THAT(check_includes(root_), ElementsAre("src/layers.txt:1: the table is missing or empty"));
}

TEST_F(Tree, LongFilesAndMissingReadmesAreNamed) {
  std::string lines;
  for (int i = 0; i < 600; ++i) lines += "//\n";
  write("src/base/limit.h", lines);
  write("src/base/over.h", lines + "//\n");
  write("src/tensor/README.md", lines.substr(0, 3 * 41));
  write("src/kit/cpu/README.md", lines.substr(0, 3 * 40));
  fs::remove(root_ / "src/other/README.md");
  EXPECT_THAT(check_sizes(root_),
              ElementsAre("src/tensor/README.md:41: longer than 40 lines",
                          "src/other/README.md:1: missing; say purpose, invariants and entry point",
                          "src/base/over.h:601: longer than 600 lines"));
}

// The real tree. ctest runs tests in the source folder.
TEST(Gannet, IncludesFollowTheLayerTable) {
  ASSERT_TRUE(fs::exists("src/layers.txt")) << "run in the root of the repository";
  for (const std::string& finding : check_includes(".")) ADD_FAILURE() << finding;
}

TEST(Gannet, FilesAreSmallAndFoldersDescribed) {
  ASSERT_TRUE(fs::exists("src/layers.txt")) << "run in the root of the repository";
  for (const std::string& finding : check_sizes(".")) ADD_FAILURE() << finding;
}

}  // namespace
}  // namespace gannet
