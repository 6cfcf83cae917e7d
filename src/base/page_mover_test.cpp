#include "base/page_mover.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

namespace gannet {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFileBytes = 40 * kHugePage + 12345;
bool always() {
  return true;
}

// A file whose eight bytes at 8*i are i.
struct PageMoverTest : testing::Test {
  fs::path path = fs::temp_directory_path() / ("gannet_mover_" + std::to_string(getpid()));
  std::optional<MappedFile> file;
  void SetUp() override {
    std::vector<uint64_t> words(static_cast<size_t>(kFileBytes / 8 + 1));
    for (size_t i = 0; i < words.size(); ++i) words[i] = i;
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(words.data()), kFileBytes);
    file = MappedFile::open(path).take();
  }
  void TearDown() override { fs::remove(path); }

  FilePart part(int64_t begin, int64_t end) const { return {&*file, begin, end}; }
  FilePart whole() const { return part(0, kFileBytes); }
  uint64_t word(size_t i) const {
    uint64_t value;
    std::memcpy(&value, file->bytes().data() + 8 * i, sizeof(value));
    return value;
  }
  // The first word that is not what the file says; -1 for none.
  int64_t first_wrong() const {
    for (size_t i = 0; i < static_cast<size_t>(kFileBytes / 8); ++i)
      if (word(i) != i) return static_cast<int64_t>(i);
    return -1;
  }
  // Moves everything, whatever pages the system gives.
  static PageMoverOptions all() {
    PageMoverOptions o;
    o.only_where_needed = o.only_into_huge_pages = false;
    return o;
  }
};

TEST_F(PageMoverTest, MappingsBeginAtAHugePage) {
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->bytes().data()) % kHugePage, 0u);
}

TEST_F(PageMoverTest, BytesAndAddressesStayAndTheFileIsNotNeededAfterwards) {
  const std::byte* before = file->bytes().data();
  PageMover mover(std::vector{part(20 * kHugePage, kFileBytes), part(0, 20 * kHugePage)}, all());
  EXPECT_FALSE(mover.work(always));
  EXPECT_TRUE(mover.finished());
  EXPECT_TRUE(mover.status().ok());
  EXPECT_EQ(mover.moved_bytes(), kFileBytes);
  EXPECT_EQ(mover.stopped_because(), "");
  fs::resize_file(path, 0);
  EXPECT_EQ(file->bytes().data(), before);
  EXPECT_EQ(first_wrong(), -1);
}

TEST_F(PageMoverTest, WorkIsTakenUpWhereItWasLeft) {
  PageMover mover(std::vector{whole()}, all());
  int calls = 0;
  do {
    int pages = 3;
    ++calls;
    if (!mover.work([&] { return pages-- > 0; })) break;
    ASSERT_EQ(first_wrong(), -1);
  } while (calls < 1000);
  EXPECT_GT(calls, 10);
  EXPECT_TRUE(mover.finished());
  EXPECT_EQ(mover.moved_bytes(), kFileBytes);
}

TEST_F(PageMoverTest, MovedPiecesCanBePutBack) {
  PageMover mover(std::vector{whole()}, all());
  EXPECT_FALSE(mover.work(always));
  const int64_t given = mover.give_back(1);
  EXPECT_GT(given, 0);
  EXPECT_EQ(mover.moved_bytes(), kFileBytes - given);
  EXPECT_EQ(first_wrong(), -1);
  mover.give_back(kFileBytes);
  EXPECT_EQ(mover.moved_bytes(), 0);
  EXPECT_EQ(mover.stopped_because(), "memory became short");
  EXPECT_EQ(first_wrong(), -1);
  PageMover cut(std::vector{whole()}, all());
  EXPECT_FALSE(cut.work(always));
  fs::resize_file(path, 100);
  EXPECT_EQ(cut.give_back(kFileBytes), 0);
  EXPECT_EQ(first_wrong(), -1);
}

#if !defined( \
    __SANITIZE_THREAD__)  // to it, mapping pages anew is a write, also where they hold the same bytes
TEST_F(PageMoverTest, ReadersSeeTheSameBytesAllTheWhile) {
  std::atomic<bool> stop = false;
  std::atomic<int64_t> wrong = 0, reads = 0;
  std::vector<std::thread> readers;
  for (uint64_t seed : {1, 2}) {
    readers.emplace_back([&, seed] {
      uint64_t x = seed;
      while (!stop) {
        x = x * 6364136223846793005u + 1;
        const size_t i = (x >> 20) % static_cast<size_t>(kFileBytes / 8);
        if (word(i) != i) ++wrong;
        ++reads;
      }
    });
  }
  PageMover mover(std::vector{whole()}, all());
  std::vector<std::thread> movers;
  for (int i = 0; i < 3; ++i) movers.emplace_back([&] { mover.work(always); });
  for (std::thread& t : movers) t.join();
  EXPECT_EQ(mover.moved_bytes(), kFileBytes);
  EXPECT_EQ(mover.give_back(kFileBytes), kFileBytes);
  stop = true;
  for (std::thread& t : readers) t.join();
  EXPECT_TRUE(mover.finished());
  EXPECT_GT(reads, 0);
  EXPECT_EQ(wrong, 0);
}
#endif

TEST_F(PageMoverTest, AFileThatIsCutMeanwhileIsAnError) {
  PageMover mover(std::vector{whole()}, all());
  int pages = 5;
  EXPECT_TRUE(mover.work([&] { return pages-- > 0; }));
  fs::resize_file(path, 7 * kHugePage);
  EXPECT_FALSE(mover.work(always));
  ASSERT_FALSE(mover.status().ok());
  EXPECT_EQ(mover.status().error().code(), ErrorCode::kModelFile);
  EXPECT_NE(mover.status().error().message().find(path.string() + ": the file shrank"), std::string::npos);
}

TEST_F(PageMoverTest, AFileThatIsRewrittenMeanwhileIsAnErrorAndAReplacedOneIsNot) {
  {
    PageMover mover(std::vector{whole()}, all());
    fs::rename(path, path.string() + ".old");
    std::ofstream(path) << "another file";
    EXPECT_FALSE(mover.work(always));
    EXPECT_TRUE(mover.status().ok());
    EXPECT_EQ(first_wrong(), -1);
    fs::rename(path.string() + ".old", path);
  }
  file = MappedFile::open(path).take();
  PageMover mover(std::vector{whole()}, all());
  std::fstream(path, std::ios::in | std::ios::out) << "other content";
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(2));
  EXPECT_FALSE(mover.work(always));
  ASSERT_FALSE(mover.status().ok());
  EXPECT_NE(mover.status().error().message().find("was written to"), std::string::npos);
}

TEST_F(PageMoverTest, ItEndsWhenNoMoreMayBeTaken) {
  PageMoverOptions options = all();
  int allowed = 1;
  options.may_take = [&](int64_t) { return allowed-- > 0; };
  PageMover mover(std::vector{whole()}, options);
  EXPECT_FALSE(mover.work(always));
  EXPECT_TRUE(mover.finished());
  EXPECT_TRUE(mover.status().ok());
  EXPECT_GT(mover.moved_bytes(), 0);
  EXPECT_LT(mover.moved_bytes(), kFileBytes);
  EXPECT_NE(mover.stopped_because(), "");
  EXPECT_EQ(first_wrong(), -1);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they take all addresses
TEST_F(PageMoverTest, ItEndsWhenTheProcessHasNoMoreAddresses) {
  rlimit before = {};
  getrlimit(RLIMIT_AS, &before);
  rlimit none = before;
  none.rlim_cur = 1 << 20;
  PageMover mover(std::vector{whole()}, all());
  ASSERT_EQ(setrlimit(RLIMIT_AS, &none), 0);
  const bool left = mover.work(always);
  setrlimit(RLIMIT_AS, &before);
  EXPECT_FALSE(left);
  EXPECT_TRUE(mover.status().ok());
  EXPECT_EQ(mover.moved_bytes(), 0);
  EXPECT_NE(mover.stopped_because().find("no more memory"), std::string::npos);
  EXPECT_EQ(first_wrong(), -1);
}
#endif

// What must hold differs with what the system gives, and something must hold everywhere.
TEST_F(PageMoverTest, HugePagesAreTakenWhereThereAreNoneAndLeftWhereThereAre) {
  EXPECT_EQ(first_wrong(), -1);  // maps all pages
  const auto huge = [&] { return bytes_in_huge_pages(file->bytes().data(), kFileBytes); };
  const int64_t before = huge();
  PageMover mover(std::vector{whole()}, {});
  EXPECT_FALSE(mover.work(always));
  EXPECT_TRUE(mover.finished());
  EXPECT_TRUE(mover.status().ok());
  EXPECT_EQ(first_wrong(), -1);
  const std::string why = mover.stopped_because();
  if (before < 0) {  // the kernel cannot tell: everything is moved
    EXPECT_EQ(mover.moved_bytes(), kFileBytes) << why;
  } else if (before < kFileBytes && !huge_page_facts().usable()) {
    EXPECT_EQ(why, "the system has no free huge pages left");
    EXPECT_EQ(mover.moved_bytes(), 0);
    EXPECT_EQ(huge(), before);
  } else if (!why.empty()) {  // it had some, or none
    EXPECT_EQ(why, "the system has no free huge pages left");
    EXPECT_LT(mover.moved_bytes(), kFileBytes);
  } else {
    EXPECT_EQ(huge(), kFileBytes);
    EXPECT_GE(mover.moved_bytes(), kFileBytes - before);
    PageMover again(std::vector{whole()}, {});
    EXPECT_FALSE(again.work(always));
    EXPECT_EQ(again.moved_bytes(), 0);
    EXPECT_EQ(again.done_bytes(), kFileBytes);
  }
}

TEST(HugeMemory, IsZeroedAlignedAndMovable) {
  for (int64_t bytes : {int64_t{1}, int64_t{100'000}, kHugePage / 2, kHugePage + 1, 9 * kHugePage}) {
    HugeMemory a(bytes);
    ASSERT_NE(a.data(), nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % (bytes < kHugePage / 2 ? 64 : kHugePage), 0u);
    for (int64_t i = 0; i < bytes; i += 997) ASSERT_EQ(a.data()[i], std::byte{0});
    std::memset(a.data(), 1, static_cast<size_t>(bytes));
    HugeMemory b(std::move(a));
    HugeMemory c;
    c = std::move(b);
    EXPECT_EQ(c.data()[bytes - 1], std::byte{1});
  }
}

}  // namespace
}  // namespace gannet
