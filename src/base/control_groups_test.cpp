#include "base/control_groups.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/thread_team.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

// A folder that looks like the root of a machine.
struct CpuQuotaTest : testing::Test {
  fs::path root = fs::temp_directory_path() / ("gannet_groups_" + std::to_string(getpid()));
  void TearDown() override { fs::remove_all(root); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
};

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

TEST_F(CpuQuotaTest, Version2TakesTheLeastOfAllLevels) {
  EXPECT_EQ(cpu_quota(root), kNoLimit);
  write("proc/self/cgroup", "0::/service/job\n");
  write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
  write("sys/fs/cgroup/service/job/cpu.max", "max 100000\n");
  EXPECT_EQ(cpu_quota(root), kNoLimit);
  write("sys/fs/cgroup/service/cpu.max", "150000 100000\n");
  EXPECT_EQ(cpu_quota(root), 1.5);
  write("sys/fs/cgroup/service/job/cpu.max", "20000 100000\n");
  EXPECT_EQ(cpu_quota(root), 0.2);
}

TEST_F(CpuQuotaTest, Version1HasTwoFilesAndMinusOneForNone) {
  write("proc/self/cgroup", "7:memory:/other\n4:cpu,cpuacct:/box/inner\n0::/\n");
  write("proc/self/mountinfo",
        "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  const std::string group = "sys/fs/cgroup/cpu,cpuacct/box/inner/";
  write(group + "cpu.cfs_quota_us", "-1\n");
  write(group + "cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota(root), kNoLimit);
  write("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "25000\n");
  write("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(cpu_quota(root), 0.5);
}

TEST_F(CpuQuotaTest, AContainerSeesItsOwnGroupAsTheTop) {
  write("proc/self/cgroup", "0::/docker/abc\n");
  write("proc/self/mountinfo", "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(cpu_quota(root), 0.5);
}

TEST_F(CpuQuotaTest, BoundsTheNumberOfThreads) {
  const int cores = ThreadTeam::physical_cores(root);
  EXPECT_GE(cores, 1);
  write("proc/self/cgroup", "0::/\n");
  write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  write("sys/fs/cgroup/cpu.max", "10000 100000\n");
  EXPECT_EQ(ThreadTeam::physical_cores(root), 1);
  write("sys/fs/cgroup/cpu.max", "110000 100000\n");
  EXPECT_EQ(ThreadTeam::physical_cores(root), std::min(cores, 2));
  write("sys/fs/cgroup/cpu.max", "100000000 100000\n");
  EXPECT_EQ(ThreadTeam::physical_cores(root), cores);
}

}  // namespace
}  // namespace gannet
