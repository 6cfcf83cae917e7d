#include "cli/chat_history.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace gannet {
namespace {

namespace fs = std::filesystem;

struct ChatHistoryTest : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_history_test_" + std::to_string(getpid()));
  ChatHistory history{(folder / "state/history").string()};
  void TearDown() override {
    fs::remove_all(folder);
    for (const char* name : {"GANNET_HISTORY", "XDG_STATE_HOME"}) unsetenv(name);
  }
};

TEST_F(ChatHistoryTest, MessagesComeBackWhole) {
  const std::vector<std::string> messages = {"one", "two\nlines\n\nand \\n", "C:\\new\\", " \xC3\xA9\x1b "};
  EXPECT_TRUE(history.load().empty());
  for (const std::string& message : messages) ASSERT_TRUE(history.add(message).ok());
  EXPECT_EQ(history.load(), messages);
  EXPECT_EQ(ChatHistory(history.path()).load(), messages);
}

TEST_F(ChatHistoryTest, OnlyTheUserReadsIt) {
  ASSERT_TRUE(history.add("secret").ok());
  struct stat file = {}, place = {};
  ASSERT_EQ(stat(history.path().c_str(), &file), 0);
  ASSERT_EQ(stat((folder / "state").c_str(), &place), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  EXPECT_EQ(place.st_mode & 0777, 0700u);
}

TEST_F(ChatHistoryTest, TheOldestAreDropped) {
  ASSERT_TRUE(history.add("first").ok());
  {
    std::ofstream more(history.path(), std::ios::app);
    for (int i = 0; i < 1200; ++i) more << "message " << i << "\n";
  }
  EXPECT_EQ(history.load().size(), 1000u);
  ASSERT_TRUE(history.add("last").ok());
  const auto messages = history.load();
  EXPECT_EQ(messages.size(), 1000u);
  EXPECT_EQ(messages.front(), "message 201");
  EXPECT_EQ(messages.back(), "last");
  for (int i = 0; i < 18; ++i) ASSERT_TRUE(history.add(std::string(60000, 'x')).ok());
  EXPECT_LT(fs::file_size(history.path()), size_t{1} << 20);
  EXPECT_EQ(history.load().size(), 17u);
}

TEST_F(ChatHistoryTest, HugeMessagesAndForeignFilesDoNoHarm) {
  ASSERT_TRUE(history.add("small").ok());
  ASSERT_TRUE(history.add(std::string(1 << 20, 'x')).ok());
  EXPECT_EQ(history.load(), std::vector<std::string>{"small"});
  std::ofstream(history.path(), std::ios::binary) << std::string(5 << 20, 'y') << "\nshort\n";
  EXPECT_EQ(history.load(), std::vector<std::string>{"short"});
  EXPECT_TRUE(ChatHistory("/dev/zero").load().empty());
}

TEST_F(ChatHistoryTest, WhatCannotBeWrittenIsAnError) {
  ASSERT_TRUE(history.add("x").ok());
  const auto failed = ChatHistory(history.path() + "/below").add("y");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kOutput);
  EXPECT_NE(failed.error().message().find(history.path()), std::string::npos);
}

TEST_F(ChatHistoryTest, TheEnvironmentSaysWhere) {
  setenv("XDG_STATE_HOME", "/state", 1);
  EXPECT_EQ(ChatHistory::of_user().path(), "/state/gannet/history");
  setenv("XDG_STATE_HOME", "relative", 1);  // not allowed by its specification
  EXPECT_EQ(ChatHistory::of_user().path().find("relative"), std::string::npos);
  setenv("GANNET_HISTORY", "", 1);
  EXPECT_EQ(ChatHistory::of_user().path(), "");
  EXPECT_TRUE(ChatHistory::of_user().add("x").ok());
  setenv("GANNET_HISTORY", "/elsewhere", 1);
  EXPECT_EQ(ChatHistory::of_user().path(), "/elsewhere");
}

}  // namespace
}  // namespace gannet
