-- nothing to do here;
/* nor
   here; */
;;
   ;
