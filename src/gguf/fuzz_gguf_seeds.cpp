// fuzz_gguf_seeds FOLDER: writes the files of test_files.h into FOLDER, the first corpus of fuzz_gguf. Large
// ones are left out: they would slow down every mutation and show the fuzzer nothing that small ones do not.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gguf/test_files.h"

namespace {

using namespace gannet::gguf_test;

constexpr size_t kLargestSeed = 8 << 10;

void write(const std::filesystem::path& to, const Bytes& bytes) {
  std::ofstream out(to, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (out.flush()) return;
  std::fprintf(stderr, "fuzz_gguf_seeds: %s cannot be written\n", to.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_gguf_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  for (const Case& one : container_cases())
    if (one.bytes.size() <= kLargestSeed) write(folder / one.name, one.bytes);
  // One sound block of every weight type, so that the checks and decoders behind the parser are reached at
  // once.
  struct Type {
    uint32_t id, elems, bytes;
  };
  constexpr Type kTypes[] = {{0, 1, 4},      {1, 1, 2},      {2, 32, 18},    {3, 32, 20},    {6, 32, 22},
                             {7, 32, 24},    {8, 32, 34},    {10, 256, 84},  {11, 256, 110}, {12, 256, 144},
                             {13, 256, 176}, {14, 256, 210}, {16, 256, 66},  {17, 256, 74},  {18, 256, 98},
                             {19, 256, 50},  {20, 32, 18},   {21, 256, 110}, {22, 256, 82},  {23, 256, 136},
                             {24, 1, 1},     {25, 1, 2},     {26, 1, 4},     {27, 1, 8},     {28, 1, 8},
                             {29, 256, 56},  {30, 1, 2},     {34, 256, 54},  {35, 256, 66},  {39, 32, 17},
                             {40, 64, 36},   {41, 128, 18},  {42, 64, 18}};
  for (const Type& type : kTypes) {
    Bytes block(type.bytes);
    for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>(i * 37 % 60);
    write(folder / ("type_" + std::to_string(type.id)), one_tensor(type.id, type.elems, 2, block));
  }
  return 0;
}
