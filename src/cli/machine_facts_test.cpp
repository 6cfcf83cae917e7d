#include "cli/machine_facts.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace gannet {
namespace {

namespace fs = std::filesystem;

// A folder that looks like the root of a machine.
class MachineFactsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("gannet_machine_" + std::to_string(getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void write_cache(int cpu, int index, int level, const char* type, const char* size, const char* shared) {
    const std::string folder =
        "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index" + std::to_string(index) + "/";
    write(folder + "level", std::to_string(level) + "\n");
    write(folder + "type", std::string(type) + "\n");
    write(folder + "size", std::string(size) + "\n");
    write(folder + "shared_cpu_list", std::string(shared) + "\n");
  }

  fs::path root_;
};

TEST_F(MachineFactsTest, ReadsAMachineWithTwoLastLevelCaches) {
  write("proc/cpuinfo", "processor\t: 0\nmodel\t\t: 17\nmodel name\t: Some CPU @ 3 GHz \nflags\t: a b\n");
  write("proc/meminfo", "MemTotal:       1024 kB\nMemFree: 1 kB\nMemAvailable:    512 kB\n");
  write("sys/devices/system/node/node0/meminfo", "");
  write("sys/devices/system/node/node1/meminfo", "");
  write("sys/devices/system/node/possible", "0-1");
  for (int cpu = 0; cpu < 4; ++cpu) {
    const std::string own = std::to_string(cpu);
    write_cache(cpu, 0, 1, "Data", "32K", own.c_str());
    write_cache(cpu, 1, 1, "Instruction", "64K", own.c_str());
    write_cache(cpu, 2, 3, "Unified", "16M", cpu < 2 ? "0-1" : "2-3");
  }
  write("sys/devices/system/cpu/cpu1/online", "1\n");
  write_cache(4, 0, 3, "Unified", "16M", "4");
  write("sys/devices/system/cpu/cpu4/online", "0\n");
  write("sys/devices/system/cpu/cpufreq/boost", "1\n");

  const MachineFacts facts = machine_facts(root_.string());
  EXPECT_EQ(facts.cpu_name, "Some CPU @ 3 GHz");
  EXPECT_EQ(facts.n_logical, 4);
  EXPECT_EQ(facts.n_nodes, 2);
  EXPECT_EQ(facts.memory_bytes, 1024 << 10);
  EXPECT_EQ(facts.available_bytes, 512 << 10);
  ASSERT_EQ(facts.caches.size(), 3u);
  EXPECT_EQ(facts.caches[0].type, "Data");
  EXPECT_EQ(facts.caches[0].bytes, 32 << 10);
  EXPECT_EQ(facts.caches[0].count, 4);
  EXPECT_EQ(facts.caches[1].type, "Instruction");
  EXPECT_EQ(facts.caches[2].level, 3);
  EXPECT_EQ(facts.caches[2].count, 2);
  EXPECT_EQ(facts.last_level_cache_bytes(), int64_t{32} << 20);
}

TEST_F(MachineFactsTest, BoardNameWhereTheProcessorHasNone) {
  write("proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n");
  write("sys/firmware/devicetree/base/model", std::string("Some Board\0", 11));
  EXPECT_EQ(machine_facts(root_.string()).cpu_name, "Some Board");
}

TEST_F(MachineFactsTest, NothingIsKnown) {
  const MachineFacts facts = machine_facts(root_.string());
  EXPECT_EQ(facts.cpu_name, "unknown processor");
  EXPECT_EQ(facts.n_logical, 0);
  EXPECT_EQ(facts.memory_bytes, 0);
  EXPECT_EQ(facts.last_level_cache_bytes(), 0);
}

}  // namespace
}  // namespace gannet
