-- nothing;
# here;
/* at all; */
