chosen <- function(data, name) {
  if (name == "all") data else data[data$income > 1, ]
}
