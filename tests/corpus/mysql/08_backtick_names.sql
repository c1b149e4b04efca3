CREATE TABLE `semi;colon` (`a;b` INT, `c``d;` INT, `e'f` INT, `g"h` INT, `i#j` INT, `k-- l` INT, `m/*n` INT);
INSERT INTO `semi;colon` VALUES (1, 2, 3, 4, 5, 6, 7);
CREATE INDEX `x;y` ON `semi;colon` (`a;b`);
