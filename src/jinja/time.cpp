// strftime, in English whatever the locale.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <string>

#include "jinja/runtime.h"

namespace gannet::jinja {

Result<std::string> format_time(const std::string& format, std::chrono::local_seconds time) {
  using namespace std::chrono;
  static constexpr std::array kMonths = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
  static constexpr std::array kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
  const local_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  const int year = static_cast<int>(date.year());
  const unsigned month = static_cast<unsigned>(date.month()), of_month = static_cast<unsigned>(date.day());
  const auto of_week = weekday(day).c_encoding();
  const auto of_year = (day - local_days(date.year() / January / 1)).count() + 1;
  const auto hour = clock.hours().count();
  std::string made;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      made += format[i];
      continue;
    }
    if (++i == format.size()) return fault("the format of the time ends in %");
    const bool bare = format[i] == '-' && i + 1 < format.size();  // without leading zeros
    if (bare) ++i;
    const auto number = [&](int64_t value, int width) {
      made += bare ? fmt::format("{}", value) : fmt::format("{:0{}}", value, width);
    };
    switch (format[i]) {
      case 'Y':
        made += std::to_string(year);
        break;
      case 'y':
        number(year % 100, 2);
        break;
      case 'm':
        number(month, 2);
        break;
      case 'd':
        number(of_month, 2);
        break;
      case 'e':
        made += bare ? fmt::format("{}", of_month) : fmt::format("{:2}", of_month);
        break;
      case 'B':
        made += kMonths[month - 1];
        break;
      case 'b':
      case 'h':
        made += std::string_view(kMonths[month - 1]).substr(0, 3);
        break;
      case 'A':
        made += kDays[of_week];
        break;
      case 'a':
        made += std::string_view(kDays[of_week]).substr(0, 3);
        break;
      case 'w':
        made += std::to_string(of_week);
        break;
      case 'u':
        made += std::to_string(of_week == 0 ? 7 : of_week);
        break;
      case 'j':
        number(of_year, 3);
        break;
      case 'H':
        number(hour, 2);
        break;
      case 'I':
        number(hour % 12 == 0 ? 12 : hour % 12, 2);
        break;
      case 'M':
        number(clock.minutes().count(), 2);
        break;
      case 'S':
        number(clock.seconds().count(), 2);
        break;
      case 'p':
        made += hour < 12 ? "AM" : "PM";
        break;
      case 'F':
        made += fmt::format("{}-{:02}-{:02}", year, month, of_month);
        break;
      case 'D':
        made += fmt::format("{:02}/{:02}/{:02}", month, of_month, year % 100);
        break;
      case 'T':
        made += fmt::format("{:02}:{:02}:{:02}", hour, clock.minutes().count(), clock.seconds().count());
        break;
      case 'R':
        made += fmt::format("{:02}:{:02}", hour, clock.minutes().count());
        break;
      case 'n':
        made += '\n';
        break;
      case 't':
        made += '\t';
        break;
      case '%':
        made += '%';
        break;
      case 'Z':
      case 'z':
        break;  // as Python's datetime.now(), the time knows no zone
      default:
        return fault(fmt::format("the format of the time has `%{}`, which is not supported", format[i]));
    }
  }
  return made;
}

}  // namespace gannet::jinja
