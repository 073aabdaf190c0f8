#include "tools/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/html.h"

namespace kiln::tools {
namespace {

constexpr double kWidth = 720;
constexpr double kHeight = 340;
constexpr double kLeft = 64;
constexpr double kRight = 24;
constexpr double kTop = 34;
constexpr double kBottom = 48;
constexpr double kTicksWanted = 6;

// One axis: from values to places on the page.
class Scale {
 public:
  Scale(const ChartAxis& axis, double low, double high, double from, double to)
      : is_log_(axis.is_log), low_(low), high_(high), from_(from), to_(to) {}

  bool Holds(double value) const { return std::isfinite(value) && (!is_log_ || value > 0); }
  double At(double value) const {
    return from_ +
           (Position(value) - Position(low_)) / (Position(high_) - Position(low_)) * (to_ - from_);
  }
  std::vector<double> Ticks() const { return AxisTicks(low_, high_, is_log_); }

 private:
  double Position(double value) const { return is_log_ ? std::log10(value) : value; }

  bool is_log_;
  double low_;
  double high_;
  double from_;
  double to_;
};

struct Bounds {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};

// With room around the values; a linear axis begins at 0.
Bounds Widen(Bounds bounds, bool is_log) {
  if (is_log) {
    return {bounds.low / 1.4, bounds.high * 1.6};
  }
  return {0, bounds.high <= 0 ? 1 : bounds.high * 1.12};
}

Bounds BoundsOf(const Chart& chart, bool of_x) {
  const bool is_log = of_x ? chart.x.is_log : chart.y.is_log;
  Bounds bounds;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& point : series.points) {
      const double value = of_x ? point.x : point.y;
      if (!std::isfinite(value) || (is_log && value <= 0)) continue;
      bounds.low = std::min(bounds.low, value);
      bounds.high = std::max(bounds.high, value);
    }
  }
  return bounds;
}

std::string Line(absl::string_view css_class, double x1, double y1, double x2, double y2) {
  return absl::StrFormat("<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                         css_class, x1, y1, x2, y2);
}

std::string Text(absl::string_view css_class, double x, double y, absl::string_view anchor,
                 absl::string_view text) {
  return absl::StrFormat("<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
                         css_class, x, y, anchor, EscapeHtml(text));
}

std::string AxesSvg(const Chart& chart, const Scale& x, const Scale& y) {
  std::string svg;
  for (const double tick : y.Ticks()) {
    svg += Line("grid", kLeft, y.At(tick), kWidth - kRight, y.At(tick));
    svg += Text("tick", kLeft - 7, y.At(tick) + 4, "end", ShortNumber(tick));
  }
  for (const double tick : x.Ticks()) {
    svg += Line("grid", x.At(tick), kTop, x.At(tick), kHeight - kBottom);
    svg += Text("tick", x.At(tick), kHeight - kBottom + 16, "middle", ShortNumber(tick));
  }
  svg += Line("axis", kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom);
  svg += Text("title", (kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", chart.x.title);
  svg += Text("title", kLeft - 50, 16, "start", chart.y.title);
  return svg;
}

std::string LegendSvg(const Chart& chart) {
  std::string svg;
  double right = kWidth - kRight;
  for (auto series = chart.series.rbegin(); series != chart.series.rend(); ++series) {
    svg += Text("legend", right, 16, "end", series->name);
    right -= 6.2 * static_cast<double>(series->name.size()) + 8;
    svg += Line(absl::StrCat("line ", series->css_class), right - 22, 12, right, 12);
    right -= 40;
  }
  return svg;
}

std::string SeriesSvg(const ChartSeries& series, const Scale& x, const Scale& y) {
  std::string path;
  std::string marks;
  for (const ChartPoint& point : series.points) {
    if (!x.Holds(point.x) || !y.Holds(point.y)) continue;
    const double at_x = x.At(point.x);
    const double at_y = y.At(point.y);
    absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : " L", at_x, at_y);
    if (series.css_class == "reference") continue;
    absl::StrAppendFormat(
        &marks,
        "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%s</title></circle>\n",
        series.css_class, at_x, at_y, EscapeHtml(point.title));
    if (!point.label.empty()) marks += Text("label", at_x, at_y - 9, "middle", point.label);
  }
  return absl::StrCat("<path class=\"line ", series.css_class, "\" d=\"", path, "\"/>\n", marks);
}

}  // namespace

std::vector<double> AxisTicks(double low, double high, bool is_log) {
  KILN_CHECK(low < high);
  std::vector<double> ticks;
  if (is_log) {
    KILN_CHECK(low > 0);
    const bool is_wide = high / low > 1e4;  // then powers of ten are enough
    for (double power = std::pow(10, std::floor(std::log10(low))); power <= high; power *= 10) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double tick = power * factor;
        if (tick >= low && tick <= high && (factor == 1 || !is_wide)) ticks.push_back(tick);
      }
    }
    return ticks;
  }
  const double rough = (high - low) / kTicksWanted;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (power * factor >= rough) step = power * factor;
  }
  for (double tick = std::ceil(low / step) * step; tick <= high; tick += step) {
    ticks.push_back(tick);
  }
  return ticks;
}

std::string ShortNumber(double value) {
  const auto plain = [](double number) {
    std::string text = absl::StrFormat(std::abs(number) < 1 ? "%.2g" : "%.3g", number);
    return text;
  };
  if (std::abs(value) >= 999'500) return plain(value / 1e6) + "M";
  if (std::abs(value) >= 1000) return plain(value / 1e3) + "k";
  return plain(value);
}

std::string RenderChart(const Chart& chart) {
  std::string svg =
      absl::StrFormat("<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s against %s\">\n",
                      kWidth, kHeight, EscapeHtml(chart.y.title), EscapeHtml(chart.x.title));
  const Bounds xs = BoundsOf(chart, /*of_x=*/true);
  const Bounds ys = BoundsOf(chart, /*of_x=*/false);
  if (xs.low > xs.high || ys.low > ys.high) {
    return absl::StrCat(svg, Text("title", kWidth / 2, kHeight / 2, "middle", "no data"),
                        "</svg>\n");
  }
  const Bounds x_range = Widen(xs, chart.x.is_log);
  const Bounds y_range = Widen(ys, chart.y.is_log);
  const Scale x(chart.x, x_range.low, x_range.high, kLeft, kWidth - kRight);
  const Scale y(chart.y, y_range.low, y_range.high, kHeight - kBottom, kTop);
  absl::StrAppend(&svg, AxesSvg(chart, x, y), LegendSvg(chart));
  for (const ChartSeries& series : chart.series) svg += SeriesSvg(series, x, y);
  return svg + "</svg>\n";
}

}  // namespace kiln::tools
