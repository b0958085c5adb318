resource "aws_s3_bucket" "landing" {
  bucket = "harbor-raw"
  tags = {
    Region = "us-east-2" # where it stands
    Table  = "shipments"
  }
}

resource "aws_db_instance" "main" {
  identifier        = "${var.prefix}-shipments"
  allocated_storage = 50
  multi_az          = false
}
