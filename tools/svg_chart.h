// Line charts as SVG for a page of HTML, without scripts.
#ifndef KILN_TOOLS_SVG_CHART_H_
#define KILN_TOOLS_SVG_CHART_H_

#include <string>
#include <vector>

namespace kiln::tools {

struct ChartPoint {
  double x = 0;
  double y = 0;
  std::string label;  // beside the point; may be empty
  std::string title;  // shown by the browser when the pointer is on it
};

struct ChartSeries {
  std::string name;
  std::string css_class;  // the page's style gives it a color: "s1", "s2", or "reference"
  std::vector<ChartPoint> points;
};

struct ChartAxis {
  std::string title;
  bool is_log = false;  // then values at or below 0 are left out
};

struct Chart {
  ChartAxis x;
  ChartAxis y;
  std::vector<ChartSeries> series;
};

// Values at which an axis from `low` to `high` gets a line, ascending: multiples of 1, 2 or 5 times
// a power of ten. REQUIRES: low < high; for a logarithmic axis 0 < low.
std::vector<double> AxisTicks(double low, double high, bool is_log);

// "950", "1.5k", "44k", "1.2M", "0.25".
std::string ShortNumber(double value);

// An <svg> element; one that says "no data" when there is no point.
std::string RenderChart(const Chart& chart);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_SVG_CHART_H_
