/// The word that was most likely meant by one that is not there; nil where none is near.
func nearest(to word: String, among words: [String]) -> String? {
  // Of a short word one letter may be wrong, of a longer one two.
  let limit = word.count < 5 ? 1 : 2
  let distances = words.map { ($0, distance(word, $0)) }.filter { $0.1 <= limit }
  return distances.min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
}

/// How many letters must be added, left out, replaced, or swapped with the next one, to make one word
/// of the other (optimal string alignment).
func distance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a), Array(b))
  var rows = [Array(0...b.count)]
  for i in a.indices {
    var row = [i + 1]
    for j in b.indices {
      let replaced = rows[i][j] + (a[i] == b[j] ? 0 : 1)
      var least = min(rows[i][j + 1] + 1, row[j] + 1, replaced)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        least = min(least, rows[i - 1][j - 1] + 1)
      }
      row.append(least)
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}
