import Numerics
import Testing

@Suite struct GatheredRowsTests {
  let width = 6
  // A token and a position that come twice.
  let tokens: [Int32] = [3, 0, 3, 4], positions: [Int32] = [0, 1, 2, 0]

  @Test func gradients() {
    let table = random(5 * width, seed: 1)
    let places = random(3 * width, seed: 2)
    let c = random(4 * width, seed: 3)
    let x = FloatBuffer(count: 4 * width)
    let dTable = FloatBuffer(count: table.count)
    let dPlaces = FloatBuffer(count: places.count)
    scatterAddRows(Rows(dTable, width: width), Rows(c, width: width), indices: tokens)
    scatterAddRows(Rows(dPlaces, width: width), Rows(c, width: width), indices: positions)
    func loss() -> Double {
      gatherRows(Rows(x, width: width), Rows(table, width: width), indices: tokens)
      addGatheredRows(Rows(x, width: width), Rows(places, width: width), indices: positions)
      return weighted(c, x)
    }
    checkGradient("dE", table, dTable.array(), loss: loss)
    checkGradient("dP", places, dPlaces.array(), loss: loss)
  }

  @Test func gatheringRowsIsTheTransposeOfScatteringThem() {
    let x = random(5 * width, seed: 4)
    let c = random(4 * width, seed: 5)
    let y = FloatBuffer(count: 4 * width)
    let dx = FloatBuffer(count: x.count)
    scatterAddRows(Rows(dx, width: width), Rows(c, width: width), indices: tokens)
    checkGradient("dx", x, dx.array()) {
      gatherRows(Rows(y, width: width), Rows(x, width: width), indices: tokens)
      return weighted(c, y)
    }
  }
}
