#include "base/memory_room.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>

#include "base/huge_pages.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

// A folder that looks like the root of a machine with 16 GiB, of which 8 GiB are available and 2 GiB unused.
struct MemoryRoomTest : testing::Test {
  fs::path root = fs::temp_directory_path() / ("gannet_memory_" + std::to_string(getpid()));
  void SetUp() override {
    fs::remove_all(root);
    write("proc/meminfo",
          "MemTotal:       16777216 kB\nMemFree:         2097152 kB\nMemAvailable:    8388608 kB\n");
  }
  void TearDown() override { fs::remove_all(root); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  MemoryRoom room() { return memory_room(root); }
};

constexpr int64_t kGiB = int64_t{1} << 30;

TEST_F(MemoryRoomTest, TheMachineBoundsIt) {
  EXPECT_EQ(room().bytes, 8 * kGiB);
  EXPECT_EQ(room().unused, 2 * kGiB);
  EXPECT_EQ(room().limit, 16 * kGiB);
  EXPECT_EQ(room().bound, "memory of the machine");
}

TEST_F(MemoryRoomTest, AGroupOfVersion2AndThoseAroundIt) {
  write("proc/self/cgroup", "0::/user/app\n");
  write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
  write("sys/fs/cgroup/user/app/memory.max", "max\n");
  write("sys/fs/cgroup/user/app/memory.high", "max\n");
  EXPECT_EQ(room().bytes, 8 * kGiB);
  write("sys/fs/cgroup/user/memory.max", std::to_string(4 * kGiB) + "\n");
  write("sys/fs/cgroup/user/memory.current", std::to_string(3 * kGiB) + "\n");
  write("sys/fs/cgroup/user/memory.stat",
        "anon 1\nfile 2\ninactive_file 536870912\nactive_file 536870912\nshmem 7\n");
  EXPECT_EQ(room().bytes, 2 * kGiB);
  EXPECT_EQ(room().unused, 1 * kGiB);
  EXPECT_EQ(room().limit, 4 * kGiB);
  EXPECT_EQ(room().bound, "control group /sys/fs/cgroup/user");
  // What the group is slowed down at counts like its limit.
  write("sys/fs/cgroup/user/memory.high", std::to_string(3 * kGiB) + "\n");
  EXPECT_EQ(room().bytes, 1 * kGiB);
}

TEST_F(MemoryRoomTest, AGroupOfVersion1InAContainerThatSeesOnlyItsOwn) {
  write("proc/self/cgroup", "5:cpu:/docker/abc\n4:memory:/docker/abc\n0::/\n");
  write("proc/self/mountinfo",
        "40 30 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
        "41 30 0:31 / /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", std::to_string(2 * kGiB) + "\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", std::to_string(kGiB) + "\n");
  write("sys/fs/cgroup/memory/memory.stat",
        "inactive_file 99\ntotal_inactive_file 4096\ntotal_active_file 0\n");
  EXPECT_EQ(room().bytes, kGiB + 4096);
  EXPECT_EQ(room().bound, "control group /sys/fs/cgroup/memory");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");  // as an unlimited one says
  EXPECT_EQ(room().bytes, 8 * kGiB);
}

TEST_F(MemoryRoomTest, NothingKnownIsNoBound) {
  fs::remove_all(root);
  EXPECT_GT(room().bytes, int64_t{1} << 60);
  EXPECT_GT(memory_room().bytes, 0);
}

TEST(AddressRoom, IsWhatTheLimitLeaves) {
  rlimit before = {};
  getrlimit(RLIMIT_AS, &before);
  if (before.rlim_cur == RLIM_INFINITY) {
    EXPECT_EQ(address_room(), std::numeric_limits<int64_t>::max());
  }
  constexpr int64_t kLimit = int64_t{1} << 50;  // more than sanitizers take
  rlimit some = before;
  some.rlim_cur = kLimit;
  ASSERT_EQ(setrlimit(RLIMIT_AS, &some), 0);
  const int64_t room = address_room();
  setrlimit(RLIMIT_AS, &before);
  EXPECT_LT(room, kLimit);
  EXPECT_GT(room, kLimit / 2);
}

TEST_F(MemoryRoomTest, HugePageSettingsAreReadAndForbiddenOnesHaveARemedy) {
  EXPECT_FALSE(huge_page_facts(root).usable());
  const std::string enabled = "sys/kernel/mm/transparent_hugepage/enabled";
  write(enabled, "always madvise [never]\n");
  EXPECT_FALSE(huge_page_facts(root).usable());
  EXPECT_NE(huge_page_facts(root).remedy().find("echo madvise"), std::string::npos);
  write(enabled, "always [madvise] never\n");
  write("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n");
  const HugePageFacts facts = huge_page_facts(root);
  EXPECT_EQ(facts.transparent, HugePageFacts::Transparent::kMadvise);
  EXPECT_EQ(facts.reserved_free, 3 * kHugePage);
}

}  // namespace
}  // namespace gannet
