#include "base/npy.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace gannet {
namespace {

TEST(Npy, RoundTripAndDamage) {
  const std::string path = std::filesystem::temp_directory_path() / "gannet_npy_test.npy";
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  auto writer = NpyWriter::create(path, 2, 3).take();
  ASSERT_TRUE(writer.append(values.data(), 1).ok());
  ASSERT_TRUE(writer.append(values.data() + 3, 1).ok());
  ASSERT_TRUE(writer.finish().ok());
  auto m = read_npy(path).take();
  EXPECT_EQ(m.rows, 2);
  EXPECT_EQ(m.columns, 3);
  EXPECT_EQ(m.values, values);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_FALSE(read_npy(path).ok());
  std::ofstream(path) << "not an array";
  EXPECT_FALSE(read_npy(path).ok());
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace gannet
